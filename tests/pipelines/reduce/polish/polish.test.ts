import { beforeAll, describe, expect, test } from 'vitest';
import { activationKinds } from '../../../../models/graph.ts';
import type { Model } from '../../../../models/graph.ts';
import { inferShapes } from '../../../../models/analysis/shapes.ts';
import { activationsOf } from '../../../../models/analysis/inspect.ts';
import { replacedElements } from '../../../../models/passes/replaced-elements.ts';
import { seededUniform } from '../../../../models/data/seeded.ts';
import { sizeOf } from '../../../../models/tensor.ts';
import { polishBySwaps } from '../../../../pipelines/reduce/polish/polish.ts';
import { swapsOf } from '../../../../pipelines/reduce/polish/swaps.ts';
import { usePolynomials } from '../../../../pipelines/reduce/polynomials/replace.ts';
import { reduce } from '../../../../pipelines/reduce/reduce.ts';
import { silent } from '../../../../src/shared/progress.ts';
import { trainingSample } from '../../../../pipelines/reduce/polynomials/training-sample.ts';
import { sample, train, trainedTiny, validation } from '../hybrid/trained-tiny.ts';

const { relu, poly } = activationKinds;

const judging = trainingSample({ train: validation, seed: 1, augment: false });
const images = { judging, proposing: sample };

test('in each channel the ReLUs of least effect go for the replaced elements of most, where that gains', () => {
  const kinds = Uint8Array.of(relu, relu, poly, poly, relu, poly, relu, relu);
  const effects = Float64Array.of(0.5, 0.1, 0.3, 0.7, 0.4, 0.2, 0.9, 0.8);
  const swaps = swapsOf('a', kinds, effects, 2);
  expect(swaps.map(({ kept, replaced }) => [kept, replaced])).toEqual([[1, 3]]);
  expect(swaps[0]!.gain).toBeCloseTo(0.6, 10);
});

describe('a network whose ReLUs stay at random', () => {
  let original: Model;
  let reduced: Model;
  beforeAll(async () => {
    original = await trainedTiny();
    const uniform = seededUniform(3);
    const shapes = inferShapes(original);
    const masks = activationsOf(original).map(({ name, outputs }) => {
      const size = sizeOf(shapes.get(outputs[0]!)!);
      return [name, Uint8Array.from({ length: size }, () => (uniform() < 0.6 ? 1 : 0))] as const;
    });
    reduced = await usePolynomials(original, replacedElements(masks), sample, 'affine');
  });

  const kindsOf = (model: Model) =>
    model.graph.nodes.flatMap((node) =>
      node.op === 'MixedActivation' ? [{ node, kinds: node.attributes.kinds }] : [],
    );

  /** The ReLUs of each channel. */
  function counts(model: Model): number[] {
    const shapes = inferShapes(model);
    return kindsOf(model).flatMap(({ node, kinds }) => {
      const channels = shapes.get(node.outputs[0]!)![0]!;
      const places = kinds.length / channels;
      return Array.from({ length: channels }, (_, c) =>
        kinds.subarray(c * places, (c + 1) * places).reduce((n, kind) => n + (kind === relu ? 1 : 0), 0),
      );
    });
  }

  const polished = (evaluations: number) =>
    polishBySwaps(reduced, original, { ...images, evaluations, onProgress: silent });

  test.each([1, 2, 3, 7, 30])(
    '%i evaluations never raise the loss, and leave as many ReLUs in each channel',
    async (evaluations) => {
      const found = await polished(evaluations);
      expect(found.evaluations).toBeLessThanOrEqual(evaluations);
      expect(found.lossAfter).toBeLessThanOrEqual(found.lossBefore);
      expect(counts(found.model)).toEqual(counts(reduced));
      expect(found.model.weights).toEqual(reduced.weights);
      expect(
        (await polishBySwaps(found.model, original, { ...images, evaluations: 1, onProgress: silent }))
          .lossBefore,
      ).toBe(found.lossAfter);
    },
  );

  test('with some evaluations other ReLUs stay, and the loss falls by a tenth', async () => {
    const found = await polished(30);
    expect(found.swaps).toBeGreaterThan(0);
    expect(kindsOf(found.model).map(({ kinds }) => kinds)).not.toEqual(
      kindsOf(reduced).map(({ kinds }) => kinds),
    );
    expect(found.lossAfter).toBeLessThan(0.9 * found.lossBefore);
  });
});

test('reduce polishes before its last training, and says what that does', async () => {
  const notes: string[] = [];
  const model = await trainedTiny();
  const options = { method: 'snl', budget: 0.3, data: train, epochs: 1, threads: 1, seed: 3 } as const;
  const plain = await reduce(model, options);
  const { relusAfter, ...found } = await reduce(model, {
    ...options,
    polish: 6,
    onNote: (text) => void notes.push(text),
  });
  expect(relusAfter).toBe(plain.relusAfter);
  expect(found.log.map(({ relus_after }) => relus_after)).toEqual(
    plain.log.map(({ relus_after }) => relus_after),
  );
  expect(notes.join()).toMatch(
    /\d+ swaps of ReLUs change the loss on \d+ validation images from .* to .*, in \d evaluations/,
  );
});
