#!/usr/bin/env node
// The only file that prints or ends the process. It must run on versions of Node that are too old, to say so;
// therefore it imports everything else after that check.
import { readFileSync, writeSync } from 'node:fs';

/** As `engines` in package.json. */
const oldestNode = [22, 18] as const;

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1]);
}

async function main(argv: readonly string[]): Promise<number> {
  const { run } = await import('./run.ts');
  return run(argv, {
    ...{ version: packageVersion(), write, untilStopped, stderr: process.stderr },
    isTerminal: process.stdout.isTTY,
    staysUp: () => void (thisProcess.staysUp = true),
  });
}

/** `staysUp`: the command is a server, which ends itself after a signal, and does not end with its output. */
const thisProcess = { staysUp: false };

/**
 * A second signal within this many milliseconds counts as the first: a terminal and npm both pass Ctrl-C on.
 */
const sameSignal = 500;

/**
 * A signal that Ctrl-C and SIGTERM abort. Its listeners end their child processes at once; files are written
 * whole or not at all. A server ends itself; a second Ctrl-C or SIGTERM ends it at once.
 */
function untilStopped(cleanUp: () => void): AbortSignal {
  const stopping = new AbortController();
  let told = 0;
  const stop = (name: string, code: number) =>
    process.on(name, () => {
      if (stopping.signal.aborted && Date.now() - told < sameSignal) return;
      cleanUp();
      const isLast = stopping.signal.aborted || !thisProcess.staysUp;
      told = Date.now();
      stopping.abort();
      if (isLast) process.stderr.write('reluctant: stopped\n', () => process.exit(code));
      else process.stderr.write('reluctant: stopping; repeat to stop at once\n');
    });
  stop('SIGINT', 130);
  stop('SIGTERM', 143);
  return stopping.signal;
}

/**
 * A stream that failed once is destroyed. A server then writes to the file itself: its disk may have room
 * again.
 */
function write(text: string): void {
  if (!process.stdout.destroyed) process.stdout.write(text);
  else if (thisProcess.staysUp) {
    try {
      writeSync(1, text);
    } catch {
      // Nobody reads this line; the server goes on.
    }
  }
}

/** Output was lost. If the reader has left (`| head`), a command ends quietly; a server continues. */
function onLostOutput(error: NodeJS.ErrnoException): void {
  if (thisProcess.staysUp) return;
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`reluctant: cannot write the output: ${error.message}\n`, () => process.exit(1));
}

function packageVersion(): string {
  // From src/cli and from dist/src/cli.
  const folder = import.meta.url.endsWith('.ts') ? '../../' : '../../../';
  const text = readFileSync(new URL(`${folder}package.json`, import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

process.stdout.on('error', onLostOutput);
process.stderr.on('error', () => undefined); // There is nowhere left to report it.
if (isTooOld(process.versions.node)) {
  process.stderr.write(
    `reluctant: needs Node ${oldestNode.join('.')} or newer, this is ${process.versions.node}. ` +
      `In the package's folder, 'npm ci && npx reluctant' uses the package's own Node; else see https://nodejs.org.\n`,
  );
  process.exitCode = 1;
} else {
  const code = await main(process.argv.slice(2));
  // Worker threads and sockets may still be open. The output goes out first.
  process.stdout.write('', (error) => {
    // If the write failed, onLostOutput ends the process.
    if (thisProcess.staysUp || error === null || error === undefined) process.exit(code);
  });
}
