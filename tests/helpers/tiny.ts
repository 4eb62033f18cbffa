import { resnet } from '../../models/architectures/resnet.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { seededRng, seededUniform, uniformInt } from '../../models/data/seeded.ts';
import type { Model } from '../../models/graph.ts';

/** A residual network for images of 1 x 8 x 8 and three classes. */
export function tinyNet(seed = 1): Model {
  const options = {
    name: 'tiny',
    inChannels: 1,
    size: 8,
    classes: 3,
    widths: [4, 8],
    blocks: [1, 1],
    stemRelu: true,
  };
  return resnet(options, seededRng(seed));
}

/** Images 1 x 8 x 8 of noise with a bright bar: standing, lying or none. A class is told by its bar, not by brightness alone. */
export function bars(n: number, seed: number): Dataset {
  const uniform = seededUniform(seed);
  const images = Uint8Array.from({ length: 64 * n }, () => uniformInt(uniform, 100));
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  labels.forEach((label, i) => {
    const at = 1 + uniformInt(uniform, 6);
    for (let k = 0; label < 2 && k < 8; k++) images[64 * i + (label === 0 ? 8 * k + at : 8 * at + k)] = 220;
  });
  return { name: 'bars', classes: ['standing', 'lying', 'none'], shape: [1, 8, 8], images, labels, n };
}
