import { architectures } from '../../models/architectures/index.ts';
import type { ArchitectureName } from '../../models/architectures/index.ts';
import { seededRng, seededUniform } from '../../models/data/seeded.ts';
import type { Model } from '../../models/graph.ts';
import { inspect } from '../../models/analysis/inspect.ts';
import { sizeOf } from '../../models/tensor.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { silent } from '../../src/shared/progress.ts';
import { prepare } from '../compile/served-plan.ts';
import type { Prepared } from '../compile/served-plan.ts';
import type { AnswerKind } from '../plan/plan.ts';
import { replacedElements } from '../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../models/passes/replaced-elements.ts';
import { allRelusOf, usePolynomials } from '../reduce/polynomials/replace.ts';

/** The number of noise images on which a network is calibrated. */
const calibrationImages = 16;

/** The network of `--arch A --size S --channels C --classes N` in the bench. */
export type RandomNetwork = {
  readonly arch: ArchitectureName;
  readonly size: number;
  readonly channels: number;
  readonly classes: number;
  /** The number of ReLUs that stay; the others become polynomials (default: all stay). */
  readonly keepRelus?: number;
};

/**
 * Builds a network with random weights whose values stay in the range of a trained one's. It is always the
 * same for the same sizes.
 */
export function randomNetwork({ arch, size, channels, classes }: RandomNetwork): Model {
  return calmBranches(architectures[arch]([channels, size, size], classes, seededRng(1)));
}

/**
 * Builds the network and replaces all but `keepRelus` of its ReLUs by squares that are fitted to noise, in
 * equal shares of all layers.
 */
export async function benchedNetwork(network: RandomNetwork): Promise<Model> {
  const model = randomNetwork(network);
  if (network.keepRelus === undefined) return model;
  const layers = inspect(model).layers.filter(({ relus }) => relus > 0);
  const replaced = allBut(
    network.keepRelus,
    allRelusOf(
      model,
      layers.map(({ name }) => name),
    ),
  );
  return usePolynomials(model, replaced, { images: calibration(model), n: calibrationImages });
}

/** Keeps `kept` ReLUs, spread evenly over all. */
function allBut(kept: number, replaced: ReplacedElements): ReplacedElements {
  const total = [...replaced.values()].reduce((sum, { length }) => sum + length, 0);
  let place = 0;
  return replacedElements(
    [...replaced].map(([layer, elements]) => [
      layer,
      elements.map((one) => {
        const before = Math.floor((place * kept) / total);
        return Math.floor((++place * kept) / total) > before ? 0 : one;
      }),
    ]),
  );
}

/**
 * Halves the start of the residual branches. With He's initialisation, every residual addition triples the
 * variance, which makes 5 bits over ResNet-18 that a trained network does not need. With half the branch, a
 * block grows its values by half before its ReLU reduces them by as much.
 */
function calmBranches(model: Model): Model {
  const added = new Set(model.graph.nodes.flatMap((node) => (node.op === 'Add' ? node.inputs : [])));
  const weights = new Map(model.weights);
  for (const node of model.graph.nodes) {
    if (node.op !== 'BatchNormalization' || !added.has(node.outputs[0]!)) continue;
    for (const name of node.inputs.slice(1, 3)) {
      const tensor = weights.get(name)!;
      weights.set(name, { ...tensor, data: tensor.data.map((value) => value / 2) });
    }
  }
  return { ...model, weights };
}

/** Uniform noise in [0, 1). Time and bytes do not depend on the content of an image. */
export function noise(elements: number): Float32Array {
  const uniform = seededUniform(2);
  return new Float32Array(elements).map(uniform);
}

/** The plan and the weights of a model that is calibrated on noise. */
export function preparedOnNoise(
  model: Model,
  onProgress: OnProgress = silent,
  answer: AnswerKind = 'logits',
): Promise<Prepared> {
  const images = calibration(model);
  return prepare(model, { calibration: { images, n: calibrationImages }, onProgress, answer });
}

function calibration(model: Model): Float32Array {
  return noise(calibrationImages * sizeOf(model.graph.inputs[0]!.shape));
}
