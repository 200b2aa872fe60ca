// The element-wise work of training and of all measures as SIMD loops, in AssemblyScript.
//
// Arrays are byte offsets into the module's memory, 16-byte aligned, row major, float32 unless said
// otherwise. Activations are stored transposed, [units, rows]: one unit's values lie together, so a
// bias is one number a row and the sums over rows are plain loops. Sums that decide a loss or a
// statistic run in float64. Built by `deno task build:kernels`.

export * from "./activations";
export * from "./loss";
export * from "./steps";
