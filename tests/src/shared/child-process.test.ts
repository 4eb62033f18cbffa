import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { Child, ChildFailure } from '../../../src/shared/child-process.ts';
import { ModelError } from '../../../src/shared/errors.ts';
import type { ChildOptions } from '../../../src/shared/child-process.ts';
import type { FromChild, ToChild } from './fixtures/child.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const program = pathToFileURL(join(fixtures, 'child.ts')).href;
const start = (options: Partial<ChildOptions> = {}) => new Child<ToChild, FromChild>({ program, ...options });

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a child gets its arguments, answers each question, and stops', async () => {
  const child = start({ args: ['hello', 'a', 'b'] });
  const first = await child.ask('echoed', { kind: 'echo', text: 'one' });
  expect(first).toEqual({ kind: 'echoed', text: 'one', args: ['a', 'b'] });
  expect((await child.ask('echoed', { kind: 'echo', text: 'two' })).text).toBe('two');
  const { pid } = await child.ask('hanging', { kind: 'hang' });
  expect(isRunning(pid)).toBe(true);
  await child.stop();
  expect(isRunning(pid)).toBe(false);
});

test('the first line of stdout', async () => {
  const child = start({ args: ['hello'] });
  expect(await child.firstLine()).toBe('hello');
  await child.stop();
});

test('what the work throws is a failure, after which the child answers on', async () => {
  const child = start({ name: 'the child' });
  const failed = child.ask('echoed', { kind: 'fail', message: 'no memory' });
  await expect(failed).rejects.toThrow(new ChildFailure('the child: no memory'));
  expect((await child.ask('echoed', { kind: 'echo', text: 'still here' })).text).toBe('still here');
  await child.stop();
});

test('an error of what the user gave is thrown as the child threw it', async () => {
  const child = start({ name: 'the child' });
  const refused = child.ask('echoed', { kind: 'refuse', message: 'net.onnx: no such model file' });
  await expect(refused).rejects.toThrow(new ModelError('net.onnx: no such model file'));
  await expect(refused).rejects.toBeInstanceOf(ModelError);
  await child.stop();
});

test('an early death says the exit code and the last lines of stderr', async () => {
  const child = start({ name: 'the child' });
  const complaint = `${Array.from({ length: 1000 }, (_, i) => `line ${i}`).join('\n')}\n`;
  const died = child.ask('echoed', { kind: 'die', code: 7, complaint });
  await expect(died).rejects.toThrow(
    new ChildFailure(
      'the child: its process ended with code 7 before it was done: line 995\nline 996\nline 997\nline 998\nline 999',
    ),
  );
  await expect(child.next()).rejects.toThrow(/^the child: its process ended with code 7/);
  await child.stop();
});

test('messages that were sent before the end arrive before it', async () => {
  const child = start();
  child.send({ kind: 'count', to: 50 });
  for (let value = 1; value <= 50; value++) expect(await child.next()).toEqual({ kind: 'number', value });
  await expect(child.next()).rejects.toThrow(/^its process ended with code 3 before it was done$/);
});

test('an answer of another kind is an error', async () => {
  const child = start();
  await expect(child.ask('number', { kind: 'echo', text: '' })).rejects.toThrow(
    'expected number, got echoed',
  );
  await child.stop();
});

test('a program that does not start is a failure', async () => {
  const child = start({ within: ['/no/such/command'] });
  await expect(child.ask('echoed', { kind: 'echo', text: '' })).rejects.toThrow(
    /its process did not start \(spawn \/no\/such\/command ENOENT\)/,
  );
  await expect(start({ within: ['/no/such/command'] }).firstLine()).rejects.toThrow(ChildFailure);
});

test('the signal kills the child, also where it came before the start', async () => {
  const stop = new AbortController();
  const child = start({ signal: stop.signal });
  await child.ask('hanging', { kind: 'hang' });
  stop.abort();
  await expect(child.next()).rejects.toThrow(/ended with SIGKILL/);
  await expect(start({ signal: stop.signal }).next()).rejects.toThrow(/ended with SIGKILL/);
});

test('a child ends when its parent is killed', async () => {
  const parent = spawn(process.execPath, [join(fixtures, 'parent.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(String(line));
  expect(isRunning(pid)).toBe(true);
  parent.kill('SIGKILL');
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
});
