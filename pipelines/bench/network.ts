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
import { replacedElements } from '../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../models/passes/replaced-elements.ts';
import { allRelusOf, usePolynomials } from '../reduce/polynomials/replace.ts';

/** Images of noise on which a benched network is calibrated. */
const calibrationImages = 16;

/** `--arch A --size S --channels C --classes N` of the bench. */
export type RandomNetwork = {
  readonly arch: ArchitectureName;
  readonly size: number;
  readonly channels: number;
  readonly classes: number;
  /** How many ReLUs stay; the others become polynomials. All where left out. */
  readonly keepRelus?: number;
};

/** A network of random weights whose values stay in the range of a trained one's. Always the same for the same sizes. */
export function randomNetwork({ arch, size, channels, classes }: RandomNetwork): Model {
  return calmBranches(architectures[arch]([channels, size, size], classes, seededRng(1)));
}

/** The network with all but `keepRelus` of its ReLUs turned to squares fitted to noise, as many of each layer's as of the whole. */
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

/** Keeps `kept` of them, spread evenly over all. */
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
 * With He's start every residual addition triples the variance: 5 bits over ResNet-18, which a trained network does not need. Its
 * branches start at half their size, so that a block grows it by half before its ReLU takes as much.
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

/** Uniform noise in [0, 1) of the given size: time and bytes do not depend on what is in an image. */
export function noise(elements: number): Float32Array {
  const uniform = seededUniform(2);
  return Float32Array.from({ length: elements }, uniform);
}

/** The plan and the weights of a model calibrated on noise. */
export function preparedOnNoise(model: Model, onProgress: OnProgress = silent): Promise<Prepared> {
  const images = calibration(model);
  return prepare(model, { calibration: { images, n: calibrationImages }, onProgress });
}

function calibration(model: Model): Float32Array {
  return noise(calibrationImages * sizeOf(model.graph.inputs[0]!.shape));
}
