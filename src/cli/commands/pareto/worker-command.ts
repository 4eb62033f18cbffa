import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { addComputeOptions, computingOf } from '../../options/computing.ts';
import type { ComputeOptions } from '../../options/computing.ts';
import { work } from './worker.ts';

type Options = ComputeOptions & { readonly queue: string; readonly jobs: number; readonly lease: number };

/** `worker --queue redis://HOST:PORT`: runs the jobs of sweeps that were started with the same --queue. */
export function configure(command: Command, act: Act): void {
  command
    .requiredOption(
      '--queue <address>',
      'address of the Redis server, redis://HOST:PORT or rediss://HOST:PORT (with TLS)',
    )
    .option('--jobs <n>', 'number of jobs at a time, each in its own process', whole(1, 256), 1)
    .option(
      '--lease <seconds>',
      'time without a sign of life after which another worker takes the job over',
      whole(1, 3600),
      30,
    )
    .action(act(run));
  addComputeOptions(command);
  examples(command, [
    'reluctant worker --queue redis://localhost:6379',
    [
      'with TLS and a password, four jobs at a time',
      'reluctant worker --queue rediss://:password@queue.example:6380 --jobs 4',
    ],
  ]);
}

async function run({ onProgress, say, show, signal }: Context, options: Options): Promise<undefined> {
  const { queue: url, jobs, lease } = options;
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs));
  const { device, engine } = (await computingOf(options, say)).setting;
  await work({
    ...{ device, engine, url, jobs, threads, lease, onProgress, say, signal },
    onReady: () => show({ value: { ready: true, jobs }, text: 'waiting for jobs; Ctrl-C stops the worker' }),
  });
}
