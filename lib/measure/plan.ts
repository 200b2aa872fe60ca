/**
 * Which rays go through the engine together, so that what measures and networks have in common is
 * computed once.
 *
 * @module
 */
import type { Ray } from "~/lib/engine.ts";
import type { LayerSizes } from "~/lib/model.ts";
import { rayPasses } from "~/lib/measure/passes.ts";

/** What one network needs of the engine's third question. */
export interface RayDemand {
  readonly sizes: LayerSizes;
  /** Of all its measures, repetitions and all. */
  readonly rays: readonly Ray[];
  readonly frozen: boolean;
}

/** One call of the engine. */
export interface RayGroup {
  /** Places of its networks among the demands, ascending. */
  readonly networks: readonly number[];
  /** At least what each of them needs: every direction and scaling once, every step once. */
  readonly rays: readonly Ray[];
  readonly frozen: boolean;
}

/**
 * Groups networks into calls. Those of equal rays go together, as directions are shared within a
 * call; groups of different rays are joined as long as the directions that are saved outweigh the
 * points that nobody asked for.
 *
 * @returns Every network that asks for a ray in exactly one group.
 */
export function groupRays(demands: readonly RayDemand[]): RayGroup[] {
  const alike = Map.groupBy(
    demands.entries().filter(([, { rays }]) => rays.length > 0),
    ([, { sizes, rays, frozen }]) => JSON.stringify([sizes, uniteRays(rays), frozen]),
  );
  const groups = [...alike.values()].map((members): RayGroup & { sizes: string } => {
    const { sizes, rays, frozen } = members[0]![1];
    const networks = members.map(([place]) => place);
    return { networks, rays: uniteRays(rays), frozen, sizes: String(sizes) };
  });
  for (let joined = true; joined;) {
    joined = false;
    for (const a of groups) {
      for (const b of groups) {
        if (a === b || a.sizes !== b.sizes) continue;
        const both = joinGroups(a, b);
        if (groupPasses(both) >= groupPasses(a) + groupPasses(b)) continue;
        groups.splice(groups.indexOf(a), 1, { ...both, sizes: a.sizes });
        groups.splice(groups.indexOf(b), 1);
        joined = true;
        break;
      }
      if (joined) break;
    }
  }
  return groups.map(({ networks, rays, frozen }) => ({ networks, rays, frozen }));
}

/** Forward passes over the training set that a call takes. */
export function groupPasses({ networks, rays }: RayGroup): number {
  return rayPasses(rays, networks.length);
}

/** Every direction and scaling once, with all steps that are asked of it, in a fixed order. */
export function uniteRays(rays: readonly Ray[]): Ray[] {
  const united = Map.groupBy(rays, ({ direction, scaling }) => `${direction} ${scaling}`);
  return [...united.values()].map((same): Ray => ({
    direction: same[0]!.direction,
    scaling: same[0]!.scaling,
    steps: [...new Set(same.flatMap(({ steps }) => steps))].sort((a, b) => a - b),
  })).sort((a, b) => a.direction - b.direction || a.scaling.localeCompare(b.scaling));
}

function joinGroups(a: RayGroup, b: RayGroup): RayGroup {
  return {
    networks: [...a.networks, ...b.networks].sort((x, y) => x - y),
    rays: uniteRays([...a.rays, ...b.rays]),
    frozen: a.frozen || b.frozen,
  };
}
