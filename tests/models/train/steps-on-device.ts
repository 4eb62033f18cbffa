import { writeFileSync } from 'node:fs';
import { pixels } from '../../../models/data/dataset.ts';
import type { Device } from '../../../models/runtime/device.ts';
import { tensor } from '../../../models/tensor.ts';
import { TrainingEngine } from '../../../models/train/engines/onnxruntime/engine.ts';
import { sgd } from '../../../models/train/optimizers.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

/**
 * A process of its own, as the Vulkan loader reads its environment once: `node steps-on-device.ts DEVICE RATE
 * FILE` writes losses.
 */
const [device, rate, file] = process.argv.slice(2);
const data = bars(12, 3);
const optimizer = sgd({ momentum: 0.9, weightDecay: 5e-4 });
const engine = await TrainingEngine.create(
  barResnet(),
  { batch: data.n, optimizer, labelSmoothing: 0.1 },
  { device: device as Device, threads: 1 },
);
const losses: number[] = [];
for (let i = 0; i < 3; i++) {
  losses.push((await engine.run({ images: pixels(data), labels: data.labels }, Number(rate))).loss);
}
let staysOnDevice = false;
try {
  engine.state();
} catch {
  staysOnDevice = true;
}
await engine.download();
// From here on with what was read back, and a bias set.
engine.restore(engine.state());
engine.write(new Map([['head.fc.bias', tensor([3], Float32Array.of(0.1, 0.2, 0.3))]]));
losses.push((await engine.run({ images: pixels(data), labels: data.labels }, Number(rate))).loss);
await engine.download();
const parameters = engine.state()['parameters']!;
await engine.release();
writeFileSync(file!, JSON.stringify({ losses, staysOnDevice, parameters: [...parameters] }));
