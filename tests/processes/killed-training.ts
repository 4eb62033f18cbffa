import { fit } from '../../models/train/fit.ts';
import { saveModel } from '../../models/files/write.ts';
import { bars } from '../helpers/data/data.ts';
import { barResnet } from '../helpers/networks/networks.ts';

/**
 * A training as a process of its own: `node killed-training.ts CHECKPOINT OUT [EPOCH STEP]`, killed at that
 * step.
 */
const [checkpoint, out, killEpoch, killStep] = process.argv.slice(2);
const batch = 16;

const { model } = await fit(barResnet(), {
  train: bars(48, 1),
  validation: bars(30, 2),
  epochs: 4,
  batch,
  learningRate: 0.1,
  mixup: 0.5,
  seed: 1,
  threads: 1,
  checkpoint: checkpoint!,
  onProgress({ training }) {
    if (training!.epoch === Number(killEpoch) && training!.step === Number(killStep))
      process.kill(process.pid, 'SIGKILL');
  },
});
await saveModel(out!, model);
