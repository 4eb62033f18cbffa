import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { preparedOnNoise, randomNetwork } from '../../../../../pipelines/bench/network.ts';
import { predictCost } from '../../../../../pipelines/cost/bytes.ts';
import { machineCostsSchema } from '../../../../../pipelines/cost/machine.ts';
import type { MachineCosts } from '../../../../../pipelines/cost/machine.ts';
import { medianOf, preparedSeconds, ready } from '../../../../../src/cli/commands/bench/two-processes.ts';
import { silent } from '../../../../../src/shared/progress.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';

type Phase = { seconds: number; bytes_up: number; bytes_down: number };
type Seconds = { offline_seconds: number; online_seconds: number };
type Found = {
  runs: Seconds[];
  median: Seconds & { runs: number };
  relus: number;
  offline: Phase;
  online: Phase & { rounds: number };
  rss_mb: number;
  client_rss_mb: number;
  server_rss_mb: number;
  steps: ({ phase: 'offline' | 'online'; kind: string } & Phase)[];
  profile: { name: string; bits_per_second: number | null; round_trip_seconds: number };
  shaped_by: string;
  predicted: { offline: Phase; online: Phase; ratio: { offline: number; online: number } };
};

type Predicted = {
  predicted: { profile: string; offline: Phase; online: Phase }[];
  machine: { measured_here: boolean };
};

const sizes = { arch: 'resnet8', size: 8, channels: 1, classes: 3 } as const;
const given = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);

/** As the first one, with a list of networks. */
type Listed = { profiles: Found[] };

test('a network of random weights between two processes, over each network of a list with a server of its own: the bytes are those of its plan, and the time is never less than the network allows', async () => {
  const listed = [...given, '--threads', '1', '--profile', 'loopback,lan,wan'];
  const { profiles } = await cliJson<Listed>(['bench', 'model', ...listed]);
  expect(profiles.map(({ profile }) => profile.name)).toEqual(['loopback', 'lan', 'wan']);
  const [found, ...shaped] = profiles as [Found, ...Found[]];
  const { plan } = await preparedOnNoise(randomNetwork(sizes));
  const predicted = predictCost(plan);
  const bytes = ({ bytes_up, bytes_down }: Omit<Phase, 'seconds'>) => ({ bytes_up, bytes_down });
  expect(bytes(found.offline)).toEqual(predicted.offline);
  expect(bytes(found.online)).toEqual(predicted.online);
  expect(found.online.rounds).toBe(predicted.rounds);
  expect(found.relus).toBe(predicted.steps.reduce((sum, { elements }) => sum + elements.relu, 0));
  expect(found.rss_mb).toBe(Math.max(found.client_rss_mb, found.server_rss_mb));
  expect(Math.min(found.client_rss_mb, found.server_rss_mb)).toBeGreaterThan(20);
  expect(bytes(found.predicted.offline)).toEqual(bytes(found.offline));
  expect(bytes(found.predicted.online)).toEqual(bytes(found.online));
  expect(found.predicted.ratio.online).toBeCloseTo(found.predicted.online.seconds / found.online.seconds, 2);
  expect(found).toMatchObject({ shaped_by: 'none', profile: { name: 'loopback', bits_per_second: null } });
  const offline = found.steps.filter(({ phase }) => phase === 'offline');
  expect(offline.reduce((sum, step) => sum + step.bytes_down, 0)).toBe(predicted.offline.bytes_down);
  expect(found.runs).toEqual([
    { offline_seconds: found.offline.seconds, online_seconds: found.online.seconds },
  ]);
  expect(found.median).toEqual({ runs: 1, ...found.runs[0] });
  for (const { online, profile, shaped_by, predicted } of shaped) {
    expect(['namespaces', 'throttle']).toContain(shaped_by);
    const wire = (8 * (online.bytes_up + online.bytes_down)) / profile.bits_per_second!;
    const least = wire + online.rounds * profile.round_trip_seconds;
    expect(online.seconds).toBeGreaterThan(least);
    expect(predicted.online.seconds).toBeGreaterThan(least);
  }
  expect((await cli(['bench', 'model', ...given, '--profile', 'lan,moon'])).code).toBe(2);
}, 180_000);

test('an inference counts as prepared once the server has its last table, not when the client sent it', async () => {
  const arrived = Promise.withResolvers<{ kind: 'prepared' }>();
  const asked: unknown[] = [];
  const ask = (_kind: string, question: unknown) => (asked.push(question), arrived.promise as never);
  let isPrepared = false;
  const seconds = preparedSeconds({ prepare: () => Promise.resolve() }, { ask }, 2).then((found) => {
    isPrepared = true;
    return found;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect([asked, isPrepared]).toEqual([[{ kind: 'prepared', count: 2 }], false]);
  arrived.resolve({ kind: 'prepared' });
  expect(await seconds).toBeGreaterThan(0.01);
});

test('--answer label: the plan, its bytes and its round trips; of several runs each, and the median of those after the first, beside the last one in full', async () => {
  type Told = Found & { answer: string; answer_bits: number };
  const bench = ['bench', 'model', ...given, '--threads', '1'];
  const found = await cliJson<Told>([...bench, '--answer', 'label', '--runs', '3']);
  expect(found).toMatchObject({ answer: 'label', answer_bits: 2 });
  const { plan } = await preparedOnNoise(randomNetwork(sizes), silent, 'label');
  const { rounds, online: predicted } = predictCost(plan);
  const { runs, median, offline, online } = found;
  expect(online).toMatchObject({ rounds, ...predicted });
  expect(runs).toHaveLength(3);
  expect(runs[2]).toEqual({ offline_seconds: offline.seconds, online_seconds: online.seconds });
  const middle = (of: (run: Seconds) => number) => (of(runs[1]!) + of(runs[2]!)) / 2;
  expect(median).toEqual({
    runs: 2,
    offline_seconds: middle((run) => run.offline_seconds),
    online_seconds: middle((run) => run.online_seconds),
  });
  const { stdout } = await cli([...bench, '--runs', '2']);
  expect(stdout).toMatch(/^run 1: offline/m);
  expect(stdout).toMatch(
    /^runs {5}2; the last is above, the first also transforms the weights\n {9}1: \S+ \S+ offline, \S+ \S+ online\n {9}2: /m,
  );
  expect(stdout).toMatch(/^median {3}\S+ \S+ offline, \S+ \S+ online: run 2$/m);
}, 240_000);

test('the median is of the only run where there is one, and leaves out the first of several', () => {
  const run = (offline_seconds: number, online_seconds: number) => ({ offline_seconds, online_seconds });
  expect(medianOf([run(9, 1)])).toEqual({ runs: 1, ...run(9, 1) });
  expect(medianOf([run(9, 1), run(2, 3)])).toEqual({ runs: 1, ...run(2, 3) });
  expect(medianOf([run(9, 9), run(2, 3), run(4, 1)])).toEqual({ runs: 2, ...run(3, 2) });
});

test('neither a model nor --arch, or both, or a file that is none', async () => {
  for (const args of [[], ['zoo:fashion-resnet8', '--arch', 'resnet8']]) {
    const { code, stderr } = await cli(['bench', 'model', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/either a model or --arch/);
  }
  const { code, stderr } = await cli(['bench', 'model', '/no/such.onnx']);
  expect(code).toBe(3);
  expect(stderr).toMatch(/no such model file/);
  // Here the server's process is the first to read it.
  const inServer = await cli(['bench', 'model', '/no/such.onnx', '--data', 'fashion-mnist-part']);
  expect(inServer.code).toBe(3);
  expect(inServer.stderr).toBe('reluctant: /no/such.onnx: no such model file\n');
}, 180_000);

test('what the server says while it calibrates is passed on: its progress and its warnings', async () => {
  const event = { phase: 'calibration', done: 1, total: 24 } as const;
  const last = { kind: 'ready', url: 'ws://127.0.0.1:1', planHash: 'ab' } as const;
  const said = [{ kind: 'progress', event }, { kind: 'warning', text: 'of other data' }, last] as const;
  const messages = said.values();
  const told: unknown[] = [];
  const tell = (what: unknown) => void told.push(what);
  const next = () => Promise.resolve(messages.next().value!);
  expect(await ready({ next }, { onProgress: tell, warn: tell })).toBe(last);
  expect(told).toEqual([event, 'of other data']);
});

test('bench machine keeps all that it measures, and predictions use it; a spoilt file is named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-machine-'));
  vi.stubEnv('XDG_CACHE_HOME', folder);
  try {
    const plan = ['plan', await writeTiny(folder), '--data', 'fashion-mnist-part'];
    const before = await cliJson<Predicted>(plan);
    expect(before.predicted.map(({ profile }) => profile)).toEqual(['loopback', 'lan', 'wan']);
    expect(before.machine.measured_here).toBe(false);
    const units = await cliJson<Pick<MachineCosts, 'linear'> & { file: string }>(['bench', 'machine']);
    expect(units.file.startsWith(folder)).toBe(true);
    const kept = JSON.parse(await readFile(units.file, 'utf8')) as MachineCosts;
    expect(machineCostsSchema.parse(kept)).toEqual(kept);
    expect(units.linear.product).toBe(kept.linear.product);
    const after = await cliJson<Predicted>(plan);
    expect(after.machine.measured_here).toBe(true);
    expect(after.predicted[0]!.online.seconds).not.toBe(before.predicted[0]!.online.seconds);
    await writeFile(units.file, '{"machine": 3}');
    const { code, stderr } = await cli(plan);
    expect([code, stderr]).toEqual([2, expect.stringContaining("run 'reluctant bench machine' again")]);
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
}, 240_000);
