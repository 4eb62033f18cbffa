import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { blockBytes, blockStep, defaultDepth } from '../../crypto/ot/blocks.ts';
import { predict } from '../../models/runtime/run.ts';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { planHash } from '../../pipelines/plan/codec.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { servedNet } from '../src/fixtures/served-net.ts';

/** A fixture in a process of its own, and its lines of output as they come. */
function start(name: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} ended early`);
    return value;
  };
  return { child, nextLine };
}

let server: ReturnType<typeof start>;
let url: string;
beforeAll(async () => {
  server = start('server-process');
  url = await server.nextLine();
});
afterAll(async () => {
  server.child.stdin!.end();
  if (server.child.exitCode === null) await once(server.child, 'exit');
});

/** Reads the server's events up to one of this kind. */
async function eventOf(kind: string): Promise<{ kind: string; session: number; error?: string }> {
  for (;;) {
    const event = JSON.parse(await server.nextLine()) as { kind: string; session: number; error?: string };
    if (event.kind === kind) return event;
  }
}

test('two processes: logits within the derived bound of the float model, bytes and rounds as predicted', async () => {
  const { model, prepared, images } = await servedNet();
  const { likely } = logitErrorBound(prepared);
  const prediction = predictCost(prepared.plan);
  const session = await connect(url, { planHash: planHash(prepared.plan), threads: 1 });
  try {
    for (const [i, image] of images.slice(0, 2).entries()) {
      const before = performance.now();
      const result = await session.infer(image);
      const seconds = (performance.now() - before) / 1000;
      const float = await predict(model, image, 1);
      result.logits!.forEach((y, i) => expect(Math.abs(y - float[i]!)).toBeLessThan(likely));
      expect(result.label).toBe(result.logits!.indexOf(Math.max(...result.logits!)));
      // Transfers left over from the first inference serve the second: a step of 128 rows less, if that.
      const step = blockBytes(blockStep, defaultDepth) - blockBytes(0, defaultDepth);
      for (const way of ['bytes_up', 'bytes_down'] as const) {
        expect(i === 0 ? [0] : [0, step]).toContain(prediction.offline[way] - result.offline[way]);
      }
      expect(result.online).toMatchObject({ ...prediction.online, rounds: prediction.rounds });
      // One phase after the other.
      const phases = [result.offline.seconds, result.online.seconds];
      expect(Math.min(...phases)).toBeGreaterThan(0);
      expect(phases[0]! + phases[1]!).toBeLessThanOrEqual(seconds);
    }
  } finally {
    await session.close();
  }
  expect(await eventOf('closed')).toEqual({ kind: 'closed', session: 1 });
});

test('a client killed in the middle ends its own session only', async () => {
  const { model, prepared, images } = await servedNet();
  const { likely } = logitErrorBound(prepared);
  const other = await connect(url, { threads: 1 });
  const victim = start('client-process', url);
  await victim.nextLine();
  const [result] = await Promise.all([
    other.infer(images[1]!),
    (async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      victim.child.kill('SIGKILL');
    })(),
  ]);
  const float = await predict(model, images[1]!, 1);
  result.logits!.forEach((y, i) => expect(Math.abs(y - float[i]!)).toBeLessThan(likely));
  expect((await eventOf('closed')).error).toMatch(/the peer left/);
  expect((await other.infer(images[2]!)).logits!.length).toBe(5);
  await other.close();
});
