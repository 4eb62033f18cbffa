import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const script = join(import.meta.dirname, 'killed-training.ts');

/** What ended the process: its exit code or a signal's name. */
function train(...args: readonly string[]): Promise<number | string> {
  const child = spawn(process.execPath, [script, ...args], { stdio: 'inherit' });
  return new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code ?? -1)));
}

async function epochsIn(checkpoint: string): Promise<number> {
  const [header] = (await readFile(checkpoint)).toString('latin1').split('\n');
  return (JSON.parse(header!) as { history: unknown[] }).history.length;
}

test('killed -9 twice in mid-epoch, a training ends with the weights of one that was not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'killed-'));
  const [straight, stopped] = ['straight', 'stopped'].map((name) => join(folder, name)) as [string, string];
  expect(await train(straight, `${straight}.onnx`)).toBe(0);
  expect(await train(stopped, `${stopped}.onnx`, '2', '2')).toBe('SIGKILL');
  expect(await epochsIn(stopped)).toBe(1); // of the second epoch two of three steps were done
  expect(await train(stopped, `${stopped}.onnx`, '4', '1')).toBe('SIGKILL');
  expect(await epochsIn(stopped)).toBe(3);
  expect(await readdir(folder)).not.toContain('stopped.onnx');
  expect(await train(stopped, `${stopped}.onnx`)).toBe(0);
  const [expected, resumed] = await Promise.all([straight, stopped].map((name) => readFile(`${name}.onnx`)));
  expect(resumed!.equals(expected!)).toBe(true);
});
