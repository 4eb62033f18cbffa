import type { Rng } from '../../src/shared/random.ts';
import { UsageError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import type { Shape } from '../tensor.ts';
import { resnet } from './resnet.ts';
import type { ResnetOptions } from './resnet.ts';

/** `inShape`: [C, size, size]. Throws UsageError for images that are not square. */
export type Architecture = (inShape: Shape, classes: number, rng: Rng) => Model;

/** The networks of the program's `--architecture`. ReLU counts: see tests/models/architectures. */
export const architectures = {
  resnet8: residual('resnet8', [16, 32, 64], [1, 1, 1]),
  resnet20: residual('resnet20', [16, 32, 64], [3, 3, 3]),
  resnet32: residual('resnet32', [16, 32, 64], [5, 5, 5]),
  resnet18: residual('resnet18', [64, 128, 256, 512], [2, 2, 2, 2]),
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

function residual(name: string, widths: readonly number[], blocks: readonly number[]): Architecture {
  return (inShape, classes, rng) => {
    const options: ResnetOptions = {
      name,
      ...squareImages(inShape),
      classes,
      widths,
      blocks,
      stemRelu: true,
    };
    return resnet(options, rng);
  };
}

function squareImages(shape: Shape): { inChannels: number; size: number } {
  const [inChannels, height, width] = shape;
  if (shape.length !== 3 || inChannels === undefined || height === undefined || height !== width)
    throw new UsageError(`expected square images [C, size, size], got [${shape.join(', ')}]`);
  return { inChannels, size: height };
}
