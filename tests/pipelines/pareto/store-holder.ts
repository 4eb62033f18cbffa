// Takes jobs one after the other from a store, tells each, and goes on or waits to be killed.
import { hostname } from 'node:os';
import { RunStore } from '../../../pipelines/pareto/store.ts';

const [file, id, mode] = process.argv.slice(2) as [string, string, string];
const store = new RunStore(file);
const ids = store.runs().map((run) => run.id);
const owner = { id, host: hostname(), pid: process.pid };
const limit = mode === 'one' ? 1 : ids.length;
const taken: string[] = [];
for (let i = 0; i < limit; i++) {
  const run = store.take(ids, owner);
  if (run === undefined) break;
  taken.push(run.id);
}
process.stdout.write(`${JSON.stringify(taken)}\n`);
setInterval(() => undefined, 1000);
