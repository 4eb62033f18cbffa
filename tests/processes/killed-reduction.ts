import { saveModel } from '../../models/files/write.ts';
import { methods } from '../../pipelines/reduce/methods.ts';
import type { MethodName } from '../../pipelines/reduce/methods.ts';
import { bars } from '../helpers/data/data.ts';
import { barResnet } from '../helpers/networks/networks.ts';

/**
 * Runs a reduction in a process of its own that is killed at a step: `node killed-reduction.ts METHOD FOLDER
 * OUT [PHASE EPOCH STEP]`.
 */
const [method, checkpoint, out, killPhase, killEpoch, killStep] = process.argv.slice(2);
const batch = 16;

const { model } = await methods[method as MethodName].reduce(barResnet(), {
  budget: 0.3,
  train: bars(48, 1),
  validation: bars(30, 2),
  epochs: 2,
  batch,
  seed: 1,
  threads: 1,
  checkpoint: checkpoint!,
  onProgress({ phase, training }) {
    if (phase === killPhase && training!.epoch === Number(killEpoch) && training!.step === Number(killStep))
      process.kill(process.pid, 'SIGKILL');
  },
});
await saveModel(out!, model);
