// `npm run bench:default-machine`: measures this machine three times, as `reluctant bench machine` does, and
// writes the median of each figure to pipelines/cost/default-machine.ts. Nothing else should run. The costs of
// linear layers stay: layouts, and so the wire, hang on crypto/he/costs.ts; what is measured of them is
// printed beside what is there. It verifies nothing.
import { writeFile } from 'node:fs/promises';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { measureMachine } from '../../pipelines/bench/machine.ts';
import { defaultMachine } from '../../pipelines/cost/default-machine.ts';
import { machineCostsSchema } from '../../pipelines/cost/machine.ts';
import type { MachineCosts } from '../../pipelines/cost/machine.ts';
import { loopbackPair } from '../../src/net/loopback-pair.ts';
import { median } from '../../src/shared/median.ts';

const rounds = 3;

type Figures = { readonly [name: string]: number | string | Figures };

/** The median of each number, to three digits; names are those of the last round. */
function medians(found: readonly Figures[]): Figures {
  const of = ([name, value]: [string, Figures[string]]): [string, Figures[string]] => {
    const all = found.map((figures) => figures[name]!);
    if (typeof value === 'object') return [name, medians(all as Figures[])];
    return [name, typeof value === 'string' ? value : Number(median(all as number[]).toPrecision(3))];
  };
  return Object.fromEntries(Object.entries(found.at(-1)!).map(of));
}

/** Each figure beside what it was. */
function comparison(now: Figures, before: Figures, path = ''): string[] {
  return Object.entries(now).flatMap(([name, value]) => {
    const old = before[name];
    if (typeof value === 'object') return comparison(value, old as Figures, `${path}${name}.`);
    return typeof value === 'number' ? [`${path}${name}: ${value}, was ${old as number}`] : [];
  });
}

const [pool, pair] = [new ThreadPool(1), await loopbackPair()];
const found: MachineCosts[] = [];
for (let round = 0; round < rounds; round++)
  found.push(await measureMachine({ pool, channels: pair.channels }));
pair.close();
await pool.close();
const measured = machineCostsSchema.parse(medians(found));
process.stdout.write(`${comparison(measured, defaultMachine).join('\n')}\n`);

/** What the file says in place of a figure of its own. */
const named = { linear: 'linearCosts', transfers: 'transferCosts' };
const fields = JSON.stringify({ ...measured, ...named }, null, 2).replace(
  /"(linearCosts|transferCosts)"/g,
  (_, name: string) => name,
);
await writeFile(
  new URL('../../pipelines/cost/default-machine.ts', import.meta.url),
  `import { linearCosts } from '../../crypto/he/costs.ts';
import type { MachineCosts } from './machine.ts';

/** Those of transfers: all that a client needs to choose where its transfers come from. */
export const transferCosts = ${JSON.stringify(measured.transfers)} as const;

/**
 * The costs of the machine of the README's figures, of one run of \`npm run bench:default-machine\`, but for
 * those of linear layers. They are used when no measurement of another machine is given.
 */
export const defaultMachine: MachineCosts = ${fields};
`,
);
