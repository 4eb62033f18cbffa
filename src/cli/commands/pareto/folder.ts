import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { defined } from '../../../shared/defined.ts';
import { fitted } from '../../../../models/data/fitted.ts';
import type { Model } from '../../../../models/graph.ts';
import { filesBeside } from '../../../../models/files/files-beside.ts';
import { readModel, readOnnxFile } from '../../../../models/files/read.ts';
import { writeModel } from '../../../../models/files/write.ts';
import type { Grid } from '../../../../pipelines/pareto/grid.ts';
import { RunStore } from '../../../../pipelines/pareto/store.ts';
import { UsageError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import { isDescribed } from '../../options/describe.ts';
import { loadDescribed } from '../../options/described.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { checkOutput } from '../../options/inputs.ts';
import { modelFile } from '../../options/named-model.ts';
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
  const { bytes, model } = await wholeFile(network, flags);
  const resize = defined({ resize: model.graph.preprocessing?.resize });
  const [train, test] = [await loadDataset(data, 'train', resize), await loadDataset(data, 'test', resize)];
  fitted(model, test);
  const networkHash = sha256Hex(bytes);
  const copy = originalFile(folder, networkHash);
  await writeFileAtomic(copy, bytes);
  return { network: isDescribed(flags) ? copy : network, networkHash, dataHash: hashOfData(train, test) };
}

/** The network, and its bytes in one file: the file itself, if it says all. */
async function wholeFile(
  network: string,
  flags: DescribeFlags,
): Promise<{ readonly bytes: Uint8Array; readonly model: Model }> {
  if (isDescribed(flags)) {
    const model = await loadDescribed(network, flags);
    return { bytes: writeModel(model), model };
  }
  const file = modelFile(network);
  const bytes = await readOnnxFile(file);
  let isWhole = true;
  const model = readModel(bytes, network, (location) => {
    isWhole = false;
    return filesBeside(file)(location);
  });
  return { bytes: isWhole ? bytes : writeModel(model), model };
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
