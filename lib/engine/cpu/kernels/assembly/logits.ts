// One logit as the normalisation leaves it.

/** Normalised logit of class c in row r of a block of `length` rows. */
@inline
export function normalised(
  block: usize,
  statistics: usize,
  classes: i32,
  length: i32,
  c: i32,
  r: i32,
): f64 {
  return (<f64> load<f32>(block + (<usize> (c * length + r) << 2)) -
    load<f64>(statistics + (<usize> c << 3))) *
    load<f64>(statistics + (<usize> (classes + c) << 3));
}
