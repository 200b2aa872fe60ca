/**
 * Which two values of a series an effect is read from.
 *
 * @module
 */

/**
 * The two values that lie furthest apart of those with two or more seeds in common, which is what a
 * paired interval needs; the more seeds, where several are as far apart. Where no two have that: the
 * first and the last.
 *
 * @param series By ascending value.
 * @param seedsOf The seeds with a result.
 */
export function endsOf<T>(
  series: readonly T[],
  seedsOf: (each: T) => Iterable<number>,
): readonly [first: T | undefined, last: T | undefined] {
  const seeds = series.map((each) => new Set(seedsOf(each)));
  const pairs = series.flatMap((first, i) =>
    series.slice(i + 1).map((last, place) => {
      const j = i + 1 + place;
      return {
        ends: [first, last] as const,
        span: j - i,
        n: seeds[i]!.intersection(seeds[j]!).size,
      };
    })
  );
  const [best] = pairs.filter(({ n }) => n >= 2)
    .toSorted((a, b) => b.span - a.span || b.n - a.n);
  return best?.ends ?? [series[0], series.at(-1)];
}
