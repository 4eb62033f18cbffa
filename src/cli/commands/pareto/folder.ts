import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { checkFit } from '../../../../models/train/evaluate.ts';
import { readModel } from '../../../../models/files/read.ts';
import type { Grid } from '../../../../pipelines/pareto/grid.ts';
import { RunStore } from '../../../../pipelines/pareto/store.ts';
import { UsageError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import { checkOutput, modelFile } from '../../options/inputs.ts';
import { hashOfData, sha256Hex } from './run-job.ts';

const storeName = 'runs.sqlite';

/** Opens or begins the store of a sweep's folder. */
export function beginStore(folder: string): RunStore {
  const file = join(folder, storeName);
  checkOutput(file);
  return new RunStore(file);
}

/** The store of a sweep that was begun. Throws UsageError where there is none. */
export function openStore(folder: string): RunStore {
  const file = join(folder, storeName);
  if (!existsSync(file))
    throw new UsageError(
      `${folder}: has no ${storeName}; 'reluctant pareto MODEL --out ${folder}' begins one`,
    );
  return new RunStore(file);
}

/** Where a sweep keeps the network that it was started with: the file that was named may change meanwhile. */
export function originalFile(folder: string, networkHash: string): string {
  return join(folder, `networks/from-${networkHash.slice(0, 8)}.onnx`);
}

/** Copies the network into the folder and fingerprints both it and the data. Throws where the two do not fit. */
export async function fingerprints(
  folder: string,
  network: string,
  data: string,
): Promise<Pick<Grid, 'networkHash' | 'dataHash'>> {
  const bytes = await readFile(modelFile(network));
  const [train, test] = [await loadDataset(data, 'train'), await loadDataset(data, 'test')];
  checkFit(readModel(bytes, network), test);
  const networkHash = sha256Hex(bytes);
  await writeFileAtomic(originalFile(folder, networkHash), bytes);
  return { networkHash, dataHash: hashOfData(train, test) };
}

/** One folder, one picture: throws UsageError where its runs are of another network or other data. */
export function checkSameSweep(store: RunStore, folder: string, grid: Grid): void {
  const other = store
    .runs()
    .find(({ spec }) => spec.networkHash !== grid.networkHash || spec.dataHash !== grid.dataHash);
  if (other === undefined) return;
  const what = other.spec.networkHash === grid.networkHash ? 'other data' : 'another network';
  throw new UsageError(
    `--out ${folder}: holds runs of ${what}, ${other.spec.network} on ${other.spec.data}; give another folder`,
  );
}
