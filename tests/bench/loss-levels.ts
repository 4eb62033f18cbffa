// How often the tests of `fairness` call a group a loser that loses no more than the others: node tests/bench/loss-levels.ts [DRAWS]
import { pValues, settings } from '../helpers/loss-levels.ts';

const draws = Number(process.argv[2] ?? 8000);
const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
const share = (found: readonly number[], level: number): string =>
  percent(found.filter((p) => p < level).length / draws);

console.log(`False alarms in ${draws} draws, and the level plus three standard deviations`);
for (const level of [0.05, 0.01])
  console.log(`level ${percent(level)}: ${percent(level + 3 * Math.sqrt((level * (1 - level)) / draws))}`);
for (const [name, n, rates, restN, restRates] of settings) {
  const found = pValues([n, rates], [restN, restRates], draws);
  const alone = found.map(({ permuted }) => permuted);
  const both = found.map(({ both }) => both);
  const told = [0.05, 0.01].map(
    (level) => `${share(alone, level)} with permutations alone, ${share(both, level)}`,
  );
  console.log(`${name} (${n} against ${restN}): ${told.join('; ')}`);
}
