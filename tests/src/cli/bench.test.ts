import { expect, test } from 'vitest';
import { preparedOnNoise, randomNetwork } from '../../../pipelines/bench-model.ts';
import { predictCost } from '../../../pipelines/cost.ts';
import { cli, cliJson } from '../../helpers/cli.ts';

type Phase = { seconds: number; bytes_up: number; bytes_down: number };
type Found = {
  relus: number;
  offline: Phase;
  online: Phase & { rounds: number };
  rss_mb: number;
  client_rss_mb: number;
  server_rss_mb: number;
  steps: ({ phase: 'offline' | 'online'; kind: string } & Phase)[];
};

const sizes = { arch: 'resnet8', size: 8, channels: 1, classes: 3 } as const;
const given = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);

test('a network of random weights between two processes: the bytes are those of its plan', async () => {
  const found = await cliJson<Found>(['bench', 'model', ...given, '--threads', '1']);
  const { plan } = await preparedOnNoise(randomNetwork(sizes));
  const predicted = predictCost(plan);
  const bytes = ({ bytes_up, bytes_down }: Omit<Phase, 'seconds'>) => ({ bytes_up, bytes_down });
  expect(bytes(found.offline)).toEqual(predicted.offline);
  expect(bytes(found.online)).toEqual(predicted.online);
  expect(found.online.rounds).toBe(predicted.rounds);
  expect(found.relus).toBe(predicted.steps.reduce((sum, { elements }) => sum + elements.relu, 0));
  expect(found.rss_mb).toBe(Math.max(found.client_rss_mb, found.server_rss_mb));
  expect(Math.min(found.client_rss_mb, found.server_rss_mb)).toBeGreaterThan(20);
  const offline = found.steps.filter(({ phase }) => phase === 'offline');
  expect(offline.reduce((sum, step) => sum + step.bytes_down, 0)).toBe(predicted.offline.bytes_down);
}, 60_000);

test('neither a model nor --arch, or both, or a file that is none', async () => {
  for (const args of [[], ['zoo:fashion-resnet8', '--arch', 'resnet8']]) {
    const { code, stderr } = await cli(['bench', 'model', ...args]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/either a model or --arch/);
  }
  const { code, stderr } = await cli(['bench', 'model', '/no/such.onnx']);
  expect(code).toBe(1);
  expect(stderr).toMatch(/no such model file/);
}, 60_000);
