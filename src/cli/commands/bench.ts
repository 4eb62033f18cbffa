import type { Command } from 'commander';
import { benchRelu } from '../../../pipelines/bench.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import type { Output } from '../output.ts';

/** `bench relu`: times one step of the protocol; it verifies nothing. */
export function configure(command: Command, act: Act): void {
  const relu = command
    .command('relu')
    .description(
      'one layer of ReLUs, both parties in this process, oblivious transfer and garbled circuits included',
    )
    .option('--count <n>', 'ReLUs in the layer', whole(1, 2 ** 22), 65_536)
    .option('--k <bit>', 'lowest bit of the sign test; 0 is exact', whole(0, 30), 8)
    .option('--bits <bit>', 'top bit of the sign test: values are below 2^bits', whole(1, 31), 26)
    .action(act(runRelu));
  examples(relu, ['reluctant bench relu --count 65536', 'reluctant bench relu --k 0 --bits 31 --json']);
}

async function runRelu(_: Context, options: { count: number; k: number; bits: number }): Promise<Output> {
  if (options.k >= options.bits) {
    throw new UsageError(`--k ${options.k} leaves no bits below --bits ${options.bits}: give a smaller --k`);
  }
  const found = await benchRelu(options);
  const phase = (seconds: number, bytes: number) => {
    const each = `${((1e6 * seconds) / options.count).toFixed(2)} µs and ${(bytes / options.count).toFixed(0)} bytes`;
    return `${format.duration(seconds)}, ${format.bytes(bytes)} (${each} a ReLU)`;
  };
  return {
    value: found,
    text:
      `${format.count(options.count)} ReLUs, sign test on bits ${options.k} to ${options.bits}, both parties in one thread\n` +
      `offline  ${phase(found.offline_seconds, found.offline_bytes)}\n` +
      `online   ${phase(found.online_seconds, found.online_bytes)}`,
  };
}
