import { describe, expect, test } from 'vitest';
import { ended } from '../../models/ending.ts';
import type { Ending } from '../../models/ending.ts';
import { normals } from '../../models/architectures/init.ts';
import { readModel } from '../../models/files/read.ts';
import { writeModel } from '../../models/files/write.ts';
import type { RawNode } from '../../models/onnx/raw.ts';
import { predict } from '../../models/runtime/run.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { parsePlan, serialisePlan } from '../../pipelines/plan/codec.ts';
import { maximumDifference } from '../helpers/differences.ts';
import { floats, rawModel, runFile } from '../helpers/networks/onnx.ts';
import { seededRng } from '../helpers/rng.ts';

const n = 3;
const images = normals(n * 32, seededRng('images'));
const last = (op: string): RawNode => ({ op, inputs: ['z'], outputs: ['y'] });
const file = (classes: number, end: RawNode) =>
  rawModel(
    ['N', 2, 4, 4],
    [
      { op: 'Flatten', inputs: ['x'], outputs: ['f'] },
      { op: 'Gemm', inputs: ['f', 'w'], outputs: ['z'] },
      end,
    ],
    [floats('w', [32, classes])],
    2,
  );

describe('what a file does with its logits is taken off, and put back at the client', () => {
  test.each<[string, Ending]>([
    ['Softmax', 'softmax'],
    ['LogSoftmax', 'logSoftmax'],
    ['Sigmoid', 'sigmoid'],
  ])('%s', async (op, ending) => {
    const bytes = file(5, last(op));
    const model = readModel(bytes, 'ends.onnx');
    expect(model.graph.ending).toBe(ending);
    expect(readModel(writeModel(model), 'again.onnx').graph.ending).toBe(ending);
    const { plan } = await prepare(model, { calibration: { images, n } });
    expect(parsePlan(serialisePlan(plan)).ending).toBe(ending);
    const reference = await runFile(bytes, images, [n, 2, 4, 4]);
    const logits = await predict(model, images, n, { threads: 1 });
    for (let i = 0; i < n; i++) {
      const own = ended(ending, logits.subarray(5 * i, 5 * i + 5));
      expect(maximumDifference(own, reference.data.subarray(5 * i, 5 * i + 5))).toBeLessThan(1e-5);
    }
  });

  test('a single logit with a sigmoid is two with a softmax', async () => {
    const bytes = file(1, last('Sigmoid'));
    const model = readModel(bytes, 'binary.onnx');
    const reference = await runFile(bytes, images, [n, 2, 4, 4]);
    const logits = await predict(model, images, n, { threads: 1 });
    const chances = Float32Array.from({ length: n }, (_, i) => ended(model.graph.ending!, logits.subarray(2 * i, 2 * i + 2))[1]!); // prettier-ignore
    expect(maximumDifference(chances, reference.data)).toBeLessThan(1e-5);
  });

  test('a network that ends with its logits has no ending, nor one that ends with the largest', () => {
    expect(readModel(file(5, last('Identity')), 'plain.onnx').graph.ending).toBeUndefined();
    const largest: RawNode = { ...last('ArgMax'), attributes: { axis: { int: 1 } } };
    expect(readModel(file(5, largest), 'largest.onnx').graph.ending).toBeUndefined();
  });

  test('logits beyond the range of exp do not overflow', () => {
    expect([...ended('softmax', Float32Array.of(1000, 0))]).toEqual([1, 0]);
    expect([...ended('logSoftmax', Float32Array.of(1000, 0))]).toEqual([0, -1000]);
  });
});
