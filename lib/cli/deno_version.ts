/**
 * Ends with one line where Deno is too old: files are locked by methods that came with 2.7.
 *
 * @module
 */
const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
if (major < 2 || (major === 2 && minor < 7)) {
  console.error(
    `Cannot run on Deno ${Deno.version.deno} as it must be 2.7 or newer: npm install -g deno`,
  );
  Deno.exit(2);
}
