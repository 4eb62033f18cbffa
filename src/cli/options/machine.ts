import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { cacheFolder } from '../../../models/data/images/disk.ts';
import { measureMachine } from '../../../pipelines/bench/machine.ts';
import { defaultMachine } from '../../../pipelines/cost/default-machine.ts';
import { machineCostsSchema } from '../../../pipelines/cost/machine.ts';
import type { MachineCosts } from '../../../pipelines/cost/machine.ts';
import { UsageError } from '../../shared/errors.ts';
import { writeFileAtomic } from '../../shared/files.ts';
import type { Context } from './command.ts';
import { loopbackPair } from '../../net/loopback-pair.ts';

/**
 * The costs of this machine if `bench machine` has measured them, else those of the machine on which the
 * package was made.
 */
export type KnownMachine = { readonly costs: MachineCosts; readonly measuredHere: boolean };

/** The file in which `bench machine` keeps what it measured. */
export function machineFile(): string {
  return join(cacheFolder('machine'), 'costs.json');
}

/** Reads that file. Throws UsageError if `bench machine` of this version did not write it. */
export async function knownMachine(): Promise<KnownMachine> {
  const text = await readFile(machineFile(), 'utf8').catch(() => undefined);
  if (text === undefined) return { costs: defaultMachine, measuredHere: false };
  const costs = parseCosts(text);
  // A home folder may be shared between machines.
  const isThis = costs.machine === cpus()[0]?.model && costs.cores === navigator.hardwareConcurrency;
  return isThis ? { costs, measuredHere: true } : { costs: defaultMachine, measuredHere: false };
}

function parseCosts(text: string): MachineCosts {
  try {
    return machineCostsSchema.parse(JSON.parse(text));
  } catch {
    throw new UsageError(
      `${machineFile()}: this version cannot read it; run 'reluctant bench machine' again`,
    );
  }
}

/** Measures this machine and keeps the result, if it can: `file` is undefined if not. */
export async function measureThisMachine({
  onProgress,
  warn,
}: Pick<Context, 'onProgress' | 'warn'>): Promise<{ costs: MachineCosts; file: string | undefined }> {
  const [pool, pair] = [new ThreadPool(1), await loopbackPair()];
  try {
    const costs = await measureMachine({ pool, channels: pair.channels, onProgress });
    const file = machineFile();
    const kept = await writeFileAtomic(file, `${JSON.stringify(costs, null, 2)}\n`).then(
      () => file,
      (error: Error) => {
        warn(`the measured costs are not kept for predictions: ${error.message}`);
        return undefined;
      },
    );
    return { costs, file: kept };
  } finally {
    pair.close();
    await pool.close();
  }
}

/** 'AMD EPYC, 2 cores, measured 2026-11-23', and what to do if that is another machine. */
export function describeMachine({ costs, measuredHere }: KnownMachine): string {
  const { machine, cores, date } = costs;
  const where = measuredHere ? '' : "; run 'reluctant bench machine' to measure this machine";
  return `${machine}, ${cores} cores, measured ${date}${where}`;
}

/** The same for --json. */
export function machineValue({ costs, measuredHere }: KnownMachine) {
  return { machine: costs.machine, cores: costs.cores, date: costs.date, measuredHere };
}
