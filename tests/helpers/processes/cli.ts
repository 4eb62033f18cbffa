import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../../src/cli/run.ts';
import { silent } from '../../../src/shared/progress.ts';
import { packageRoot } from '../../../src/shared/files.ts';

export type CliResult = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** What a command has of its context where nobody listens. */
export const quiet = { onProgress: silent, warn: () => undefined };

/** The real command line, from the sources, as a process of its own. */
export function startCli(
  args: readonly string[],
  {
    cwd = packageRoot,
    nodeOptions = [],
    env = {},
  }: { cwd?: string; nodeOptions?: readonly string[]; env?: Record<string, string> } = {},
): ChildProcess {
  const main = join(packageRoot, 'src/cli/main.ts');
  const stdio = ['ignore', 'pipe', 'pipe'] as const;
  const options = { cwd, stdio: [...stdio], env: { ...process.env, ...env } };
  return spawn(process.execPath, [...nodeOptions, main, ...args], options);
}

/**
 * Node's options for a command line that stops itself, as by SIGSTOP, when it has first written a matching text to
 * its output: whatever a test then does, it does at that moment.
 */
export function stoppingAfter(text: RegExp): string[] {
  return imported(`
    const { stdout } = process;
    const write = stdout.write.bind(stdout);
    stdout.write = (text, ...more) => {
      const result = write(text, ...more);
      if (${text}.test(String(text))) {
        stdout.write = write;
        ${stop}
      }
      return result;
    };`);
}

/**
 * Node's options for a command line whose child process number `count` (from 1) of those that run this program
 * stops itself before it tells its parent anything. `file` is one of their own that need not be there.
 */
export function stoppingChild(program: RegExp, count: number, file: string): string[] {
  return imported(`
    import { appendFileSync, statSync } from 'node:fs';
    if (${program}.test(process.argv[1])) {
      appendFileSync(${JSON.stringify(file)}, '.');
      if (statSync(${JSON.stringify(file)}).size === ${count}) {
        process.send = () => {
          ${stop}
        };
      }
    }`);
}

/** Waits until a process has stopped itself so (Linux). */
export async function untilStopped(pid: number): Promise<void> {
  while (!/\(waits\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) await sleep(10);
}

/** Its name tells it from one that something else has stopped. */
const stop = `process.title = 'waits'; process.kill(process.pid, 'SIGSTOP');`;

const imported = (script: string) => ['--import', `data:text/javascript,${encodeURIComponent(script)}`];

/** What a finished process said. */
export async function finished(child: ChildProcess): Promise<CliResult> {
  const [stdout, stderr] = [collect(child.stdout!), collect(child.stderr!)];
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout: await stdout, stderr: await stderr };
}

/** A command line as a process of its own, where what is tested needs one. */
export function cliProcess(args: readonly string[]): Promise<CliResult> {
  return finished(startCli(args));
}

/** A command line in this process, without the processor time that a process of its own takes to load. */
export function cli(args: readonly string[]): Promise<CliResult> {
  return inProcess(args, new AbortController().signal);
}

/** A command line in this process that goes on until it is stopped, as by Ctrl-C, and what it says first. */
export async function cliServer(args: readonly string[]): Promise<CliServer> {
  const stopping = new AbortController();
  const said = Promise.withResolvers<string>();
  const ended = inProcess(args, stopping.signal, said.resolve);
  void ended.then(({ code, stderr }) => said.reject(new Error(`ended with ${code}: ${stderr}`)));
  const stop = () => {
    stopping.abort();
    return ended;
  };
  return { said: await said.promise, stop };
}

export type CliServer = { readonly said: string; readonly stop: () => Promise<CliResult> };

async function inProcess(
  args: readonly string[],
  signal: AbortSignal,
  onOutput: (text: string) => void = () => undefined,
): Promise<CliResult> {
  const said = { stdout: '', stderr: '' };
  const code = await run(args, {
    version: 'of tests',
    write: (text) => {
      said.stdout += text;
      onOutput(text);
    },
    isTerminal: false,
    stderr: new Writable({
      write: (text, _encoding, taken) => {
        said.stderr += String(text);
        taken();
      },
    }),
    untilStopped: () => signal,
    staysUp: () => undefined,
  });
  return { code, ...said };
}

/** Runs with --json and reads the document; throws with what the program said where it failed. */
export async function cliJson<T>(args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await cli([...args, '--json']);
  if (code !== 0) throw new Error(`reluctant ${args.join(' ')}: exit ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The first line on stdout of a process that goes on. */
export function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += String(chunk);
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    child.once('close', (code) => reject(new Error(`ended with ${code} before it said anything: ${text}`)));
  });
}

async function collect(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
