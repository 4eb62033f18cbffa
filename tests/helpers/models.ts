import { join } from 'node:path';
import { architectures } from '../../models/architectures/index.ts';
import { resnet } from '../../models/architectures/resnet.ts';
import { loadDataset } from '../../models/data/dataset.ts';
import { encodeIdx } from '../../models/data/idx.ts';
import { encodeRawModel } from '../../models/onnx/raw.ts';
import { saveModel } from '../../models/files/write.ts';
import { writeFileAtomic } from '../../src/shared/files.ts';
import { seededRng } from './rng.ts';

/** Writes an untrained resnet8 for 1 x 28 x 28 images and ten classes; returns its path. */
export async function writeUntrained(
  folder: string,
  seed: number,
  name = `untrained-${seed}.onnx`,
): Promise<string> {
  const path = join(folder, name);
  await saveModel(path, architectures.resnet8([1, 28, 28], 10, seededRng(seed)));
  return path;
}

/** Writes an untrained network for 1 x 28 x 28 images that answers privately within a second; returns its path. */
export async function writeTiny(folder: string): Promise<string> {
  const path = join(folder, 'tiny.onnx');
  const sizes = { inChannels: 1, size: 28, classes: 10, widths: [2, 4], blocks: [1, 1], stemRelu: false };
  await saveModel(path, resnet({ name: 'tiny', ...sizes }, seededRng(3)));
  return path;
}

/** Writes a valid .onnx file with two nodes that cannot run privately; returns its path. */
export async function writeUnsupported(folder: string): Promise<string> {
  const value = (name: string) => ({ name, dtype: 'float32' as const, shape: ['N', 1, 28, 28] });
  const node = (op: string, name: string, input: string, output: string) => ({
    op,
    name,
    inputs: [input],
    outputs: [output],
    attributes: {},
  });
  const path = join(folder, 'unsupported.onnx');
  const bytes = encodeRawModel({
    name: 'unsupported',
    inputs: [value('x')],
    outputs: [value('y')],
    initializers: [],
    nodes: [node('Tanh', 'squash', 'x', 'h'), node('Sin', 'wave', 'h', 'y')],
  });
  await writeFileAtomic(path, bytes);
  return path;
}

/** Writes the first test images of fashion-mnist-part as a data set of their own; returns what --data takes. */
export async function writeSmallData(folder: string, count: number): Promise<string> {
  const { images, labels } = await loadDataset('fashion-mnist-part', 'test');
  const files = [join(folder, `images-${count}.idx`), join(folder, `labels-${count}.idx`)] as const;
  await writeFileAtomic(
    files[0],
    encodeIdx({ shape: [count, 28, 28], data: images.subarray(0, count * 784) }),
  );
  await writeFileAtomic(files[1], encodeIdx({ shape: [count], data: labels.subarray(0, count) }));
  return `idx:${files.join(',')}`;
}
