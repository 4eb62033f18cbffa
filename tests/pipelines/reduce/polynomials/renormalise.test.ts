import { expect, test } from 'vitest';
import { normals } from '../../../../models/architectures/init.ts';
import type { Model, NodeOf } from '../../../../models/graph.ts';
import { Evaluator } from '../../../../models/runtime/run.ts';
import { allRelusOf, usePolynomials } from '../../../../pipelines/reduce/polynomials/replace.ts';
import { renormalise } from '../../../../pipelines/reduce/polynomials/renormalise.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

const n = 80; // more than a batch of the runtime
const sample = { images: normals(n * 128, seededRng('images')), n, threads: 1 };

function normalisations(model: Model): NodeOf<'BatchNormalization'>[] {
  return model.graph.nodes.filter((node) => node.op === 'BatchNormalization');
}

/** The largest distance of a channel's mean and variance over the sample from those the node has. */
async function distance(model: Model, { inputs }: NodeOf<'BatchNormalization'>): Promise<number> {
  const [x, , , mean, variance] = inputs as [string, string, string, string, string];
  const evaluator = await Evaluator.create(model, { outputs: [x], threads: 1 });
  const values = (await evaluator.run(sample.images, n)).get(x)!;
  await evaluator.release();
  const channels = model.weights.get(mean)!.data.length;
  const places = values.length / n / channels;
  const differences = Array.from({ length: channels }, (_, c) => {
    const own = values.filter((__, i) => Math.floor(i / places) % channels === c);
    const average = own.reduce((a, b) => a + b, 0) / own.length;
    const spread = own.reduce((a, b) => a + (b - average) ** 2, 0) / own.length;
    const [m, v] = [mean, variance].map((name) => model.weights.get(name)!.data[c]!);
    return Math.max(Math.abs(average - m!), Math.abs(spread - v!));
  });
  return Math.max(...differences);
}

test('the statistics become those of the sample, and no other weight changes', async () => {
  const model = tinyResnet();
  const node = normalisations(model)[2]!;
  expect(await distance(model, node)).toBeGreaterThan(0.1);
  const after = await renormalise(model, node, sample);
  expect(await distance(after, node)).toBeLessThan(1e-4);
  const changed = [...after.weights].filter(([name, weight]) => model.weights.get(name) !== weight);
  expect(changed.map(([name]) => name)).toEqual(node.inputs.slice(3));
});

test('polynomials: every normalisation after the first replaced layer is measured anew, none before', async () => {
  const model = tinyResnet();
  const layers = ['stage1.block0.relu2', 'stage2.block0.relu2'];
  const after = await usePolynomials(model, allRelusOf(model, layers), sample);
  const at = (name: string) => model.graph.nodes.findIndex((node) => node.name === name);
  for (const node of normalisations(model)) {
    const found = await distance(
      after,
      normalisations(after).find(({ name }) => name === node.name)!,
    );
    if (at(node.name) > at('stage1.block0.relu2')) expect(found).toBeLessThan(1e-4);
    else expect(after.weights.get(node.inputs[3]!)).toBe(model.weights.get(node.inputs[3]!));
  }
});
