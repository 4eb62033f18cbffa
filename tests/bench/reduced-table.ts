// The table of README.md from a sweep's networks, which it measures one after the other; nothing else should
// run. With --predicted it measures nothing and prints predicted seconds and bytes:
//   npm run bench:reduced -- FOLDER [--predicted]
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { profiles } from '../../pipelines/cost/profiles.ts';
import { pointsOf } from '../../pipelines/pareto/points.ts';
import type { Point } from '../../pipelines/pareto/points.ts';
import { benchModel } from '../../src/cli/commands/bench/two-processes.ts';
import { openStore } from '../../src/cli/commands/pareto/folder.ts';
import * as format from '../../src/shared/format.ts';

/** What an answer takes: seconds on the LAN and the WAN, and the bytes of both directions. */
type Costs = { readonly online: number[]; readonly total: number[]; readonly bytes: number };

const networks = [profiles.lan, profiles.wan];
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { predicted: { type: 'boolean', default: false } },
});
const [folder = ''] = positionals;

function predicted({ costs }: Point): Costs {
  const own = networks.map(({ name }) =>
    costs.find(({ profile, source }) => profile === name && source === 'predicted')!,
  );
  return {
    online: own.map(({ onlineSeconds }) => onlineSeconds),
    total: own.map(({ onlineSeconds, offlineSeconds }) => onlineSeconds + offlineSeconds),
    bytes: own[0]!.onlineBytes + own[0]!.offlineBytes,
  };
}

/** The median of three answers of a session of four; the bytes are those of the last. */
async function measured({ runs }: Point): Promise<Costs> {
  const { result, spec } = runs[0]!;
  const windows = result.windows === null ? {} : { circa: join(folder, result.windows) };
  const network = { model: join(folder, result.onnx), data: spec.data, ...result.bits, ...windows };
  const found = [];
  for (const profile of networks) {
    const silent = { signal: new AbortController().signal, say: () => undefined, warn: () => undefined };
    found.push(await benchModel({ network, runs: 4, profile, ...silent }));
  }
  const last = found[0]!;
  const bytes = [last.offline, last.online].map(({ bytes_up, bytes_down }) => bytes_up + bytes_down);
  return {
    online: found.map(({ median }) => median.online_seconds),
    total: found.map(({ median }) => median.online_seconds + median.offline_seconds),
    bytes: bytes[0]! + bytes[1]!,
  };
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function rowOf({ series, budget, relus, accuracy }: Point, { online, total, bytes }: Costs): string {
  const seconds = (both: readonly number[]) => both.map(format.duration).join(' / ');
  const { interval, n } = accuracy;
  const half =
    interval === null ? '' : ` ± ${((100 * (interval[1] - interval[0])) / 2).toFixed(2)} (${n} seeds)`;
  const share = `${format.percent(accuracy.mean)}${half}`;
  return row([
    series,
    budget,
    format.count(Math.round(relus.mean)),
    share,
    seconds(online),
    seconds(total),
    format.bytes(bytes),
  ]);
}

const head = ['method', 'budget', 'ReLUs', 'accuracy', 'online, LAN / WAN', 'offline and online', 'traffic'];
console.log(row(head));
console.log(row(head.map(() => '---')));
using store = openStore(folder);
const names = networks.map(({ name }) => name);
for (const point of pointsOf(store.runs(), names))
  console.log(rowOf(point, values.predicted ? predicted(point) : await measured(point)));
