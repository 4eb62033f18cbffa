import { formOf, kindOfForm } from '../../../models/graph.ts';
import type { Model, Replacement } from '../../../models/graph.ts';
import { activationsOf } from '../../../models/analysis/inspect.ts';
import { predict } from '../../../models/runtime/run.ts';
import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { divergence } from '../../simulate/divergence.ts';
import { activationMoments, momentsAt } from './moments.ts';
import type { LayerMoments, Sample } from './moments.ts';
import { identityQuadratic, polynomialError, quadraticOf } from './fit.ts';
import type { Quadratic } from './fit.ts';
import { publishedDistillation } from '../distillation.ts';
import { allRelusOf, withPolynomials } from './replace.ts';

/**
 * The cost of replacing each element of the layers by a polynomial, or by what `replacement` says: the
 * divergence of the logits when its whole layer is replaced, shared out by the elements' errors E[(y -
 * p(x))^2]. It is Infinity for elements that are not ReLUs; layers without ReLUs have no entry.
 *
 * The measure is our own. A ranking by error alone would not do: the same error changes the answers up to 90
 * times as much in another layer (resnet8's stage1.block0.relu1 against stage3.block0.relu2).
 */
export async function elementCosts(
  model: Model,
  layers: readonly string[],
  sample: Sample,
  replacement: Replacement = 'quadratic',
): Promise<Map<string, Float64Array>> {
  const logits = await answersOf(model, sample);
  const moments = await activationMoments(model, layers, sample);
  const costs = new Map<string, Float64Array>();
  for (const [layer, measured] of moments) {
    const relus = allRelusOf(model, [layer]).get(layer)!;
    if (!relus.includes(1)) continue;
    const replaced = withPolynomials(model, layer, relus, measured, replacement);
    const divergence = meanDivergence(logits, await answersOf(replaced, sample), sizeOf(outputShape(model)));
    const channels = polynomialsOf(replaced, layer, measured.channels);
    const polynomials = channels.map(quadraticOf[kindOfForm[formOf[replacement]]]);
    const errors = errorsOf(measured, polynomials, relus);
    const total = errors.reduce((sum, error) => sum + (error === Infinity ? 0 : error), 0);
    costs.set(layer, total === 0 ? errors : errors.map((error) => (divergence * error) / total));
  }
  return costs;
}

function answersOf(model: Model, { images, n, ...setting }: Sample): Promise<Float32Array> {
  return predict(model, images, n, setting);
}

function outputShape(model: Model) {
  return model.graph.outputs[0]!.shape;
}

/** The polynomials of a layer's channels. A layer of identities alone has vanished from the network. */
function polynomialsOf(model: Model, layer: string, channels: number): Quadratic[] {
  const node = activationsOf(model).find(({ name }) => name === layer);
  if (node === undefined) return Array.from({ length: channels }, () => identityQuadratic);
  const [c2, c1, c0] = node.inputs.slice(1).map((name) => model.weights.get(name)!.data);
  return Array.from(c2!, (value, i) => ({ c2: value, c1: c1![i]!, c0: c0![i]! }));
}

function errorsOf(moments: LayerMoments, polynomials: readonly Quadratic[], relus: Uint8Array): Float64Array {
  const places = relus.length / polynomials.length;
  return Float64Array.from(relus, (relu, e) =>
    relu === 1 ? polynomialError(momentsAt(moments, e), polynomials[Math.floor(e / places)]!) : Infinity,
  );
}

/** The divergence of logits [n, classes] from others, at the temperature of fine-tuning. */
export function meanDivergence(a: Float32Array, b: Float32Array, classes: number): number {
  return divergence(a, b, classes, publishedDistillation.temperature);
}

/**
 * The `count` elements that cost least, by layer; of equal costs the earlier. Throws RangeError if the layers
 * have fewer ReLUs.
 */
export function cheapest(costs: ReadonlyMap<string, Float64Array>, count: number): ReplacedElements {
  const all = [...costs.values()].flatMap((layer) => [...layer]);
  const order = Uint32Array.from(all.keys()).filter((i) => all[i] !== Infinity);
  if (count > order.length)
    throw new RangeError(`expected at most ${order.length} ReLUs to replace, got ${count}`);
  const chosen = new Uint8Array(all.length);
  for (const i of order.sort((a, b) => all[a]! - all[b]! || a - b).subarray(0, count)) chosen[i] = 1;
  let end = 0;
  return replacedElements(
    [...costs].map(([layer, { length }]) => [layer, chosen.slice(end, (end += length))]),
  );
}
