import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { defined } from '../../../shared/defined.ts';
import { fitted } from '../../../../models/train/evaluate.ts';
import { readModel } from '../../../../models/files/read.ts';
import { writeModel } from '../../../../models/files/write.ts';
import type { Grid } from '../../../../pipelines/pareto/grid.ts';
import { RunStore } from '../../../../pipelines/pareto/store.ts';
import { UsageError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import { isDescribed, loadDescribed } from '../../options/describe.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { checkOutput, modelFile } from '../../options/inputs.ts';
import { hashOfData, sha256Hex } from './run-job.ts';

const storeName = 'runs.sqlite';

/** Opens or begins the store of a sweep's folder. */
export function beginStore(folder: string): RunStore {
  const file = join(folder, storeName);
  checkOutput(file);
  return new RunStore(file);
}

/** Opens the store of an existing sweep. Throws UsageError if there is none. */
export function openStore(folder: string): RunStore {
  const file = join(folder, storeName);
  if (!existsSync(file))
    throw new UsageError(
      `${folder}: is not the folder of a sweep (it has no ${storeName}); 'reluctant pareto MODEL --out ${folder}' begins one`,
    );
  return new RunStore(file);
}

/** The sweep's own copy of the network it was started with, because the named file may change meanwhile. */
export function originalFile(folder: string, networkHash: string): string {
  return join(folder, `networks/from-${networkHash.slice(0, 8)}.onnx`);
}

/**
 * Copies the network into the folder, with what the flags say of it, and hashes it and the data. A network
 * that the flags describe is called by its copy, because only this file says the same. Throws if the data
 * does not fit the network.
 */
export async function fingerprints(
  folder: string,
  network: string,
  data: string,
  flags: DescribeFlags = {},
): Promise<Pick<Grid, 'network' | 'networkHash' | 'dataHash'>> {
  const bytes = isDescribed(flags)
    ? writeModel(await loadDescribed(network, flags))
    : await readFile(modelFile(network));
  const model = readModel(bytes, network);
  const resize = defined({ resize: model.graph.preprocessing?.resize });
  const [train, test] = [await loadDataset(data, 'train', resize), await loadDataset(data, 'test', resize)];
  fitted(model, test);
  const networkHash = sha256Hex(bytes);
  const copy = originalFile(folder, networkHash);
  await writeFileAtomic(copy, bytes);
  return { network: isDescribed(flags) ? copy : network, networkHash, dataHash: hashOfData(train, test) };
}

/** Throws UsageError if the folder has runs of another network or other data: a folder has one sweep. */
export function checkSameSweep(store: RunStore, folder: string, grid: Grid): void {
  const other = store
    .runs()
    .find(({ spec }) => spec.networkHash !== grid.networkHash || spec.dataHash !== grid.dataHash);
  if (other === undefined) return;
  const what = other.spec.networkHash === grid.networkHash ? 'other data' : 'another network';
  throw new UsageError(
    `--out ${folder}: holds runs of ${what}, ${other.spec.network} on ${other.spec.data}; give another --out`,
  );
}
