import { seededUniform } from '../../models/data/seeded.ts';
import { permutationPValue } from '../../models/fairness/permutation.ts';
import type { Changes } from '../../models/fairness/permutation.ts';
import { unlikePValue } from '../../models/fairness/unlike-changes.ts';

/** The shares of images that a group loses and gains. */
export type Rates = readonly [lost: number, gained: number];

/** How many of `n` images are lost and gained in one draw. */
export function drawn(uniform: () => number, n: number, [lost, gained]: Rates): Changes {
  const counts = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const u = uniform();
    counts[u < lost ? 0 : u < lost + gained ? 1 : 2]!++;
  }
  return { n, lost: counts[0]!, gained: counts[1]! };
}

export const together = (a: Changes, b: Changes): Changes => ({
  n: a.n + b.n,
  lost: a.lost + b.lost,
  gained: a.gained + b.gained,
});

/** The p-values of a group against its rest in `rounds` draws: of permutations alone, and of the test. */
export function pValues(group: readonly [number, Rates], rest: readonly [number, Rates], rounds: number) {
  const uniform = seededUniform(21);
  const known = new Map<string, { permuted: number; both: number }>();
  return Array.from({ length: rounds }, () => {
    const [own, others] = [drawn(uniform, ...group), drawn(uniform, ...rest)];
    const key = [own.lost, own.gained, others.lost, others.gained].join();
    if (!known.has(key)) {
      const all = together(own, others);
      const permuted = permutationPValue(own, all);
      known.set(key, { permuted, both: Math.max(permuted, unlikePValue(own, all)) });
    }
    return known.get(key)!;
  });
}

/** A group, and the others: images, and shares lost and gained. On average both lose alike. */
export const settings: readonly (readonly [string, number, Rates, number, Rates])[] = [
  ['alike', 30, [0.08, 0.08], 270, [0.08, 0.08]],
  ['alike, two equal groups', 30, [0.1, 0.1], 30, [0.1, 0.1]],
  ['more changes in the group, losses of their own', 30, [0.3, 0.2], 270, [0.1, 0]],
  ['far more changes in the group', 30, [0.45, 0.45], 270, [0.02, 0.02]],
  ['fewer changes in the group', 30, [0.05, 0.05], 270, [0.25, 0.25]],
  ['two equal groups, unlike changes', 30, [0.25, 0.25], 30, [0.05, 0.05]],
  ['a large group against 30 others', 270, [0.02, 0.02], 30, [0.1, 0.1]],
];
