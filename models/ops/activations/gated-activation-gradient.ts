import type { NodeOf, PolynomialForm } from '../../graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sizeOf } from '../../tensor.ts';
import type { Shape } from '../../tensor.ts';
import { reduceTo, sumByChannel } from '../gradient.ts';
import type { Gradient, TrainingContext } from '../gradient.ts';
import { mask } from './mask.ts';

/**
 * With r = relu(x) and p(x) = c2 x^2 + c1 x + c0:
 *
 *     dx = dy (g [x > 0] + (1 - g) (2 c2 x + c1))
 *     dg = sum over images of dy (r - p)
 *     dc_k = sum of dy (1 - g) x^k
 *
 * With a threshold, the gradient of the trained number m passes straight through the hysteresis, dm =
 * softplus(m) dg, as in AutoReP (Peng et al., ICCV 2023).
 */
export const gatedActivationGradient: Gradient<'GatedActivation'> = (node, context) => {
  const { graph, shapeOf } = context;
  const [x, trained] = node.inputs as [string, string];
  const shape = shapeOf(x);
  const times = (a: string, b: string) => graph.op('Mul', [a, b]);
  const gate = forwardGate(node, context);

  return (dy, wanted) => {
    const part = parts[node.attributes.replacement](graph, coefficientsOf(node, context));
    const isPositive = mask(graph, 'Greater', x, 0);
    const shut = graph.op('Sub', [graph.scalar(1), gate]);
    const ofInput = () =>
      times(dy, sumOf(graph, times(isPositive, gate), part.slope && times(shut, part.slope)));
    const ofGate = (): string => {
      const relu = graph.op('Relu', [x]); // equal to the forward pass's, so it is computed once
      const difference = part.value === undefined ? relu : graph.op('Sub', [relu, part.value]);
      const summed = reduceTo(graph, times(dy, difference), shape, shapeOf(trained));
      return node.attributes.threshold === undefined ? summed : times(summed, softplus(graph, trained));
    };
    const dPart = times(dy, shut);
    /** The gradient of the coefficient of x^k; 0 if p has no such coefficient. */
    const ofPower = (k: number): string => {
      if (k > part.degree) return graph.floats(new Float32Array(shape[1]!));
      const power = Array.from({ length: k }).reduce<string>((value) => times(value, x), dPart);
      return sumByChannel(graph, power, shape);
    };
    return [
      wanted[0] ? ofInput() : undefined,
      wanted[1] ? ofGate() : undefined,
      ...[2, 1, 0].map((k, i) => (wanted[i + 2] ? ofPower(k) : undefined)),
    ];
  };
};

/**
 * Appends the forward pass in its training form and returns the gate. A state is updated before it is used.
 */
function forwardGate(node: NodeOf<'GatedActivation'>, context: TrainingContext): string {
  const [x, trained, , , , state, moments] = node.inputs as [
    string,
    string,
    string,
    string,
    string,
    string?,
    string?,
  ];
  const { threshold } = node.attributes;
  if (threshold === undefined) {
    context.forward(node);
    return trained;
  }
  const gate = hysteresis(context.graph, trained, state!, threshold);
  context.forward({ ...node, inputs: node.inputs.with(5, gate) });
  context.statistic(state!, { value: gate, momentum: 0, scale: 1 });
  context.statistic(moments!, { value: batchMoments(context, x), momentum: 0.9, scale: 1 });
  return gate;
}

/**
 * The gate after m has changed: s [m > -th] + (1 - s) [m > th]. An open gate shuts below -th, and a shut one
 * opens above th.
 */
export function hysteresis(graph: GraphBuilder, m: string, s: string, threshold: number): string {
  const stays = graph.op('Mul', [s, mask(graph, 'Greater', m, -threshold)]);
  const opens = graph.op('Mul', [
    graph.op('Sub', [graph.scalar(1), s]),
    mask(graph, 'Greater', m, threshold),
  ]);
  return graph.op('Add', [stays, opens]);
}

/** The slope of the straight-through gradient of m. */
export function softplus(graph: GraphBuilder, m: string): string {
  return graph.op('Softplus', [m]);
}

type Part = {
  /** p(x); undefined if it is 0. */
  readonly value?: string;
  /** p'(x); undefined if it is 0. */
  readonly slope?: string;
  /** The degree of the polynomial; -1 if it has no coefficients. */
  readonly degree: number;
};

type Coefficients = { readonly x: string; readonly c2: string; readonly c1: string; readonly c0: string };

const parts: { readonly [K in PolynomialForm]: (graph: GraphBuilder, coefficients: Coefficients) => Part } = {
  none: () => ({ degree: -1 }),
  identity: (graph, { x }) => ({ value: x, slope: graph.scalar(1), degree: -1 }),
  affine: (graph, { x, c1, c0 }) => ({
    value: graph.op('Add', [graph.op('Mul', [x, c1]), c0]),
    slope: c1,
    degree: 1,
  }),
  quadratic(graph, { x, c2, c1, c0 }) {
    const square = graph.op('Mul', [x, c2]);
    const factor = graph.op('Add', [square, c1]);
    return {
      value: graph.op('Add', [graph.op('Mul', [factor, x]), c0]),
      slope: graph.op('Add', [factor, square]),
      degree: 2,
    };
  },
};

/** The input, and the coefficients aligned with its channels. */
function coefficientsOf(
  { inputs }: NodeOf<'GatedActivation'>,
  { graph, shapeOf }: TrainingContext,
): Coefficients {
  const [x, , c2, c1, c0] = inputs as [string, string, string, string, string];
  const aligned: Shape = [
    shapeOf(c0)[0]!,
    ...shapeOf(x)
      .slice(2)
      .map(() => 1),
  ];
  const line = (name: string) => graph.reshape(name, aligned);
  return { x, c2: line(c2), c1: line(c1), c0: line(c0) };
}

function sumOf(graph: GraphBuilder, a: string, b: string | undefined): string {
  return b === undefined ? a : graph.op('Add', [a, b]);
}

/** The number of a batch's images that give the moments: 16 take a tenth of the time of all 128. */
const momentImages = 16;

/** Means per channel of x, x^2, x^3, x^4, r, r^2, r^3 with r = relu(x): [7, C]. */
function batchMoments({ graph, shapeOf }: TrainingContext, x: string): string {
  const [batch, ...image] = shapeOf(x) as [number, ...number[]];
  const shape = [Math.min(momentImages, batch), ...image];
  const few = graph.op('Slice', [x, graph.ints([0]), graph.ints([shape[0]!]), graph.ints([0])]);
  const times = (a: string, b: string) => graph.op('Mul', [a, b]);
  const relu = graph.op('Relu', [few]);
  const [square, reluSquare] = [times(few, few), times(relu, relu)];
  const powers = [few, square, times(square, few), times(square, square)];
  const sums = [...powers, relu, reluSquare, times(reluSquare, relu)].map((value) =>
    sumByChannel(graph, value, shape),
  );
  const joined = graph.reshape(graph.op('Concat', sums, { axis: { int: 0 } }), [sums.length, shape[1]!]);
  return times(joined, graph.scalar(shape[1]! / sizeOf(shape)));
}
