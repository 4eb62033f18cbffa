import { spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { methods } from '../../pipelines/reduce/methods.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { bars } from '../helpers/data/data.ts';
import { barResnet } from '../helpers/networks/networks.ts';

const script = join(import.meta.dirname, 'killed-reduction.ts');

/** What ended the process: its exit code or a signal's name. */
function reduce(...args: readonly string[]): Promise<number | string> {
  const child = spawn(process.execPath, [script, ...args], { stdio: 'inherit' });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code ?? -1)));
}

async function eventsIn(log: string): Promise<{ event: string; epoch?: number; seed?: number }[]> {
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as { event: string });
}

test.each(['snl', 'autorep'] as const)(
  '%s killed -9 in its search and in its fine-tuning ends with the weights of one that was not',
  async (method) => {
    const folder = await mkdtemp(join(tmpdir(), 'killed-reduction-'));
    const [straight, stopped] = ['straight', 'stopped'].map((name) => join(folder, name)) as [string, string];
    expect(await reduce(method, straight, `${straight}.onnx`)).toBe(0);
    expect(await reduce(method, stopped, `${stopped}.onnx`, 'gate-search', '2', '2')).toBe('SIGKILL');
    expect(await reduce(method, stopped, `${stopped}.onnx`, 'gate-search', '1', '1')).toBe(0); // epoch 1 is over
    expect(existsSync(`${stopped}.onnx`)).toBe(true);
    const again = join(folder, 'again');
    expect(await reduce(method, again, `${again}.onnx`, 'fine-tuning', '2', '1')).toBe('SIGKILL');
    expect(existsSync(`${again}.onnx`)).toBe(false);
    expect(await reduce(method, again, `${again}.onnx`, 'gate-search', '2', '3')).toBe(0); // the search is not run again
    const [expected, ...resumed] = await Promise.all(
      [straight, stopped, again].map((name) => readFile(`${name}.onnx`)),
    );
    for (const bytes of resumed) expect(bytes.equals(expected!)).toBe(true);
    const [start, ...epochs] = await eventsIn(join(again, 'fine-tuning.jsonl'));
    expect(start).toMatchObject({ event: 'start', seed: 1, phase: 'fine-tuning', budget: 0.3 });
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
  },
);

test('a folder of another budget or seed is refused, and says what to do', async () => {
  const checkpoint = join(await mkdtemp(join(tmpdir(), 'killed-reduction-')), 'run');
  const options = { train: bars(16, 1), validation: bars(9, 2), epochs: 1, batch: 16, seed: 1, threads: 1 };
  for (const method of ['snl', 'autorep'] as const) {
    const own = { ...options, checkpoint: join(checkpoint, method) };
    await methods[method].reduce(barResnet(), { ...own, budget: 0.5 });
    const other = methods[method].reduce(barResnet(), { ...own, budget: 0.3 });
    await expect(other).rejects.toThrow(UsageError);
    await expect(methods[method].reduce(barResnet(), { ...own, budget: 0.5, seed: 2 })).rejects.toThrow(
      /checkpoint of a training with another/,
    );
  }
});
