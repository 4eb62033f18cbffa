import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Run } from '../../../../../pipelines/pareto/run.ts';
import { RunStore } from '../../../../../pipelines/pareto/store.ts';
import { writeSmallData } from '../../../../helpers/data/data.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';

/** A tiny network, small data and a folder for sweeps of them, which go when the file's tests end. */
export async function sweepFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-pareto-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const out = join(folder, 'sweep');
  const [model, data] = [await writeTiny(folder), await writeSmallData(folder, 100)];

  /** The arguments of a sweep of one epoch on loopback. */
  function sweepArgs(methods: string, budgets: string, ...more: readonly string[]): string[] {
    const grid = ['--methods', methods, '--budgets', budgets, '--epochs', '1', '--profile', 'loopback'];
    return ['pareto', model, '--data', data, ...grid, '--out', out, ...more];
  }

  function runs(): Run[] {
    using store = new RunStore(join(out, 'runs.sqlite'));
    return store.runs();
  }

  return { folder, out, model, data, sweepArgs, runs };
}
