import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { tags } from '../../../../crypto/channel/channel.ts';
import { byteImages, fashionClasses, loadDataset, pixels } from '../../../../models/data/dataset.ts';
import { argmax } from '../../../../models/tensor.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { logitErrorBound } from '../../../../pipelines/simulate/error-bound.ts';
import { preparedModel } from '../../../../src/cli/options/prepared.ts';
import { packageRoot } from '../../../../src/shared/files.ts';
import {
  cli,
  cliJson,
  cliServer,
  finished,
  firstLine,
  cliProcess,
  startCli,
  quiet,
} from '../../../helpers/processes/cli.ts';
import type { CliServer } from '../../../helpers/processes/cli.ts';
import { freePort } from '../../../helpers/processes/free-port.ts';
import { cuttingProxy } from '../../../helpers/protocol/cutting-proxy.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

type Phase = { seconds: number; bytes_up: number; bytes_down: number };
type Inferred = {
  label: number;
  logits: number[];
  offline: Phase;
  online: Phase & { rounds: number };
  steps: { phase: 'offline' | 'online'; bytes_up: number; bytes_down: number }[];
};
type Plan = {
  hash: string;
  steps: { kind: string; scale: number; window: { k: number; bits: number } | null }[];
  offline: Phase;
  online: Phase;
  rounds: number;
};

const index = 7;
const data = ['--data', 'fashion-mnist-part'];
const image = [...data, '--index', String(index)];
let folder: string;
let model: string;
let server: CliServer;
let url: string;
let hash: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-private-'));
  model = await writeTiny(folder);
  server = await cliServer(['serve', model, ...data, '--port', '0', '--threads', '1', '--json']);
  const told = JSON.parse(server.said) as { url: string; plan_hash: string };
  [url, hash] = [told.url, told.plan_hash];
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function expectFailure(
  { code, stdout, stderr }: { code: number | null; stdout: string; stderr: string },
  expected: number,
  says: RegExp,
): void {
  expect(stderr).toMatch(/^reluctant: [^\n]+\n$/);
  expect(stderr).toMatch(says);
  expect(stdout).toBe('');
  expect(code).toBe(expected);
}

async function testImage(): Promise<{ floats: Float32Array; bytes: Uint8Array; logits: Float32Array }> {
  const dataset = await loadDataset('fashion-mnist-part', 'test');
  const floats = pixels(dataset, [index]);
  const bytes = byteImages(dataset).slice(index * 784, (index + 1) * 784);
  return { floats, bytes, logits: await predict(await loadModel(model), floats, 1) };
}

describe('plan', () => {
  test('has the hash that serve announces, and predicts the bytes that infer counts', async () => {
    const plan = await cliJson<Plan>(['plan', model, '--data', 'fashion-mnist-part']);
    expect(plan.hash).toBe(hash);
    const { offline, online, steps } = await cliJson<Inferred>(['infer', url, ...image]);
    expect([offline.bytes_up, offline.bytes_down]).toEqual([plan.offline.bytes_up, plan.offline.bytes_down]);
    expect([online.bytes_up, online.bytes_down]).toEqual([plan.online.bytes_up, plan.online.bytes_down]);
    expect(online.rounds).toBe(plan.rounds);
    const sent = steps
      .filter(({ phase }) => phase === 'offline')
      .reduce((sum, step) => sum + step.bytes_up, 0);
    expect(sent).toBe(offline.bytes_up);
    for (const { kind, window } of plan.steps) if (kind !== 'activation') expect(window).toBeNull();
    expect(plan.steps.some(({ window }) => window !== null && window.bits > window.k)).toBe(true);
  });

  test('simulates its labels on the calibration images, and warns where too many are others', async () => {
    type Told = { agreement: { images: number; agree: number } };
    const usual = await cli(['plan', 'zoo:fashion-resnet8', '--json']);
    const told = (JSON.parse(usual.stdout) as Told).agreement;
    expect(told.images).toBe(256);
    expect(told.agree).toBeGreaterThan(253);
    expect(usual.stderr).not.toMatch(/labels/);
    const coarse = await cli(['plan', 'zoo:fashion-resnet8', '--k', '24']);
    const said = /expected agreement (\d+) of 256 labels are the model's/.exec(coarse.stdout);
    expect(Number(said?.[1])).toBeLessThan(253);
    expect(coarse.stderr).toMatch(
      /warning: zoo:fashion-resnet8: private labels are the model's for \d+ of 256 .*less than 99.0 %: raise --activation-bits/,
    );
  });
});

describe('infer', () => {
  test('answers what the model says in the clear', async () => {
    const { logits } = await testImage();
    const found = await cliJson<Inferred>(['infer', url, ...image, '--plan-hash', hash]);
    expect(found.label).toBe(argmax(logits));
    const prepared = await preparedModel(model, 'fashion-mnist-part', quiet);
    const { likely } = logitErrorBound(prepared);
    // Six standard deviations of the roundings; small enough to tell a wrong share, which is uniform over the ring.
    expect(likely).toBeLessThan((Math.max(...logits) - Math.min(...logits)) / 10);
    found.logits.forEach((value, i) => expect(Math.abs(value - logits[i]!)).toBeLessThan(likely));
  });

  test('takes the same image as a PNG, in colour too', async () => {
    const { bytes, logits } = await testImage();
    for (const channels of ['b-w', 'srgb'] as const) {
      const file = join(folder, `${channels}.png`);
      const raw = { width: 28, height: 28, channels: 1 as const };
      await sharp(bytes, { raw }).toColourspace(channels).png().toFile(file);
      expect((await cliJson<Inferred>(['infer', url, '--image', file])).label).toBe(argmax(logits));
    }
  });

  test('scales and crops a picture of another size; with --exact refuses it with both sizes', async () => {
    const { bytes, logits } = await testImage();
    const file = join(folder, 'wide.png');
    const raw = { width: 28, height: 28, channels: 1 as const };
    const large = sharp(bytes, { raw }).resize(84, 84, { kernel: 'nearest' });
    // A black margin to the left and right, which the crop takes off.
    await sharp(await large.extend({ left: 20, right: 20 }).png().toBuffer()).toFile(file);
    const found = await cliJson<Inferred & { class: string }>(['infer', url, '--image', file]);
    expect(found.label).toBe(argmax(logits));
    expect(found.class).toBe(fashionClasses[found.label]);
    expectFailure(await cli(['infer', url, '--image', file, '--exact']), 4, /28 x 28.*got 124 x 84/);
    expectFailure(await cli(['infer', url, ...image, '--exact']), 2, /--exact goes with --image/);
  });

  test('refuses what is no image, and an image that is not there', async () => {
    const file = join(folder, 'text.png');
    await writeFile(file, 'not an image');
    expectFailure(await cli(['infer', url, '--image', file]), 4, /text\.png/);
    expectFailure(await cli(['infer', url, '--image', 'nowhere.png']), 4, /nowhere\.png/);
    // What needs no server is said before one is asked.
    expectFailure(await cli(['infer', 'ws://localhost:1', '--image', 'nowhere.png']), 4, /nowhere\.png/);
    const noHash = await cli(['infer', 'ws://localhost:1', ...image, '--plan-hash', '12']);
    expectFailure(noHash, 2, /--plan-hash 12: expected the 64 hexadecimal digits that 'serve' prints/);
  });

  test('refuses an index beyond the data set, and no image or two', async () => {
    expectFailure(
      await cli(['infer', url, '--data', 'fashion-mnist-part', '--index', '1500']),
      4,
      /0 to 1499/,
    );
    expectFailure(await cli(['infer', url]), 2, /--image/);
    expectFailure(await cli(['infer', url, '--image', 'x.png', ...image]), 2, /--image/);
  });

  test('refuses another plan than the one that was pinned', async () => {
    const other = hash.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expectFailure(await cli(['infer', url, ...image, '--plan-hash', other]), 6, /plan.*expect/);
    expectFailure(await cli(['infer', url, ...image, '--plan-hash', 'abc']), 2, /64/);
    const long = await cli(['infer', url, ...image, '--model', 'x'.repeat(101)]);
    expectFailure(
      long,
      2,
      /^reluctant: token and model: expected at most 512 bytes together, in a name 100 characters\n$/,
    );
  });

  test('says so when no server is there', async () => {
    expectFailure(await cli(['infer', 'ws://127.0.0.1:9', ...image, '--retry', '0']), 6, /127\.0\.0\.1:9/);
    // On a clock that goes on only while it waits: a second may have passed when it was first refused.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    let isOver = false;
    const waiting = cli(['infer', 'ws://127.0.0.1:9', ...image, '--retry', '1']).finally(
      () => (isOver = true),
    );
    while (!isOver) {
      vi.advanceTimersToNextTimer();
      await new Promise((resolve) => setImmediate(resolve));
    }
    vi.useRealTimers();
    const { code, stderr } = await waiting;
    expect(stderr).toMatch(
      /^(reluctant: warning: [^\n]+; trying again in [^\n]+\n)+reluctant: server [^\n]+\n$/,
    );
    expect(code).toBe(6);
    expectFailure(await cli(['infer', 'http://127.0.0.1:9', ...image]), 2, /ws:\/\//);
  });
});

describe('serve', () => {
  test('outlives a client that is killed in the middle', async () => {
    const client = startCli(['infer', url, ...image]);
    await new Promise((resolve) => setTimeout(resolve, 700)); // anywhere from start to answer; all must do
    client.kill('SIGKILL');
    await finished(client);
    expect((await cliJson<Inferred>(['infer', url, ...image])).logits).toHaveLength(10);
  });

  test('over TLS, to a client that trusts its certificate and to no other', async () => {
    const [cert, key] = ['cert', 'key'].map((part) =>
      join(packageRoot, `tests/src/fixtures/test-only.${part}.pem`),
    );
    const certified = ['--tls-cert', cert!, '--tls-key', key!];
    const own = await cliServer(['serve', model, ...data, '--port', '0', '--json', ...certified]);
    try {
      const { url } = JSON.parse(own.said) as { url: string };
      expect(url).toMatch(/^wss:/);
      const trusted = await cliJson<Inferred>(['infer', url, ...image, '--ca', cert!]);
      expect(trusted.logits).toHaveLength(10);
      expectFailure(await cli(['infer', url, ...image]), 6, /certificate/);
    } finally {
      await own.stop();
    }
    expectFailure(await cli(['serve', model, '--tls-cert', cert!]), 2, /--tls-key/);
    expectFailure(
      await cli(['infer', 'wss://localhost:1', ...image, '--ca', 'nowhere.pem']),
      2,
      /--ca nowhere/,
    );
  });

  test('a port that is taken is a usage error', async () => {
    expectFailure(await cli(['serve', model, ...data, '--port', new URL(url).port]), 2, /listen/);
  });

  test('stops at Ctrl-C with 0 when no inference has begun, and frees its port', async () => {
    const child = startCli(['serve', model, ...data, '--port', String(await freePort()), '--json']);
    const result = finished(child);
    const { url } = JSON.parse(await firstLine(child)) as { url: string };
    child.kill('SIGINT');
    expect((await result).code).toBe(0);
    expectFailure(await cli(['infer', url, ...image, '--retry', '0']), 6, /ECONNREFUSED/);
  });

  test('a client whose server is killed ends with 6', async () => {
    const child = startCli(['serve', model, ...data, '--port', '0', '--threads', '1']);
    const { url } = await addressOf(child);
    // With its first request, which the server never gets.
    const proxy = await cuttingProxy(url, (frame) => {
      if (frame[3] === tags.request) child.kill('SIGKILL');
      return frame;
    });
    expectFailure(await cliProcess(['infer', proxy.url, ...image, '--retry', '0']), 6, /reluctant: /);
    proxy.close();
  });
});

/** From serve's words for people. */
async function addressOf(child: ChildProcess): Promise<{ url: string }> {
  return { url: /ws:\/\/\S+/.exec(await firstLine(child))![0] };
}
