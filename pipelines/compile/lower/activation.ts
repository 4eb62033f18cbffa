import { elementKinds } from '../../../crypto/spec.ts';
import type { ActivationSpec, ElementKind, ReluSpec } from '../../../crypto/spec.ts';
import { activationKinds, isPolynomial } from '../../../models/graph.ts';
import type { ActivationKind, ByActivationKind, Node, NodeOf } from '../../../models/graph.ts';
import { isBalanced } from '../../../models/passes/balance-polynomials.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { kindsAmong } from '../../../src/shared/kinds.ts';
import type { Coefficients } from '../options.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import { fitAffine, fitSquare, largestTruncation } from './polynomial.ts';
import type { PolynomialScales, Polynomial } from './polynomial.ts';
import type { Wire, WireId } from '../../plan/plan.ts';

/** One sign test and one truncation per element. */
export function lowerRelu(node: Node, plan: PlanBuilder): void {
  const { input, relu, scale } = frame(node, plan);
  const empty = emptyActivation(plan.range(node.inputs[0]!).shape);
  const spec = { ...empty, kinds: empty.kinds.fill(elementKinds.relu), relu };
  plan.emit(
    { kind: 'activation', node: node.name, inputs: [input], spec },
    plan.addWire(node.outputs[0]!, scale),
  );
}

/** All kinds of elements in one round trip, with one output scale. */
export function lowerMixed(node: NodeOf<'MixedActivation'>, plan: PlanBuilder): void {
  const { input, relu, scale } = evened(frame(node, plan), plan.publicPart.coefficients.get(node.name)!);
  const channels = channelsOf(node, plan);
  const scales = scalesOf(channels, plan.wires[input]!, scale, relu.truncate, 2 ** plan.options.guardBits);
  const empty = emptyActivation(plan.range(node.inputs[0]!).shape);
  const spec: ActivationSpec = {
    ...empty,
    relu,
    affine: { ...empty.affine, truncate: scales.affine },
    square: { ...empty.square, truncate: scales.square },
  };
  channels.forEach((channel, c) => fillChannel(spec, c, channel, node, scales));
  plan.emit(
    { kind: 'activation', node: node.name, inputs: [input], spec },
    plan.addWire(node.outputs[0]!, scale),
  );
}

/** The input wire, the output scale and the sign test's window, which all kinds of elements share. */
function frame(node: Node, plan: PlanBuilder): { input: WireId; relu: ReluSpec; scale: number } {
  const input = plan.wireOf(node.inputs[0]!);
  const wire = plan.wires[input]!;
  const truncate = plan.truncation(node.outputs[0]!, wire.scale);
  const relu = { truncate, ...plan.signTest(node.name, input, truncate) };
  return { input, relu, scale: wire.scale / 2 ** truncate };
}

/**
 * Makes the output's scale a power of four for balanced squares, by dropping one more bit; the square is then
 * a shift.
 */
function evened(given: ReturnType<typeof frame>, { c2 }: Coefficients): ReturnType<typeof frame> {
  const { input, relu, scale } = given;
  if (!isBalanced(c2) || Number.isInteger(Math.log2(scale) / 2)) return given;
  return { input, relu: { ...relu, truncate: relu.truncate + 1 }, scale: scale / 2 };
}

/** A channel's polynomial, its elements by activationKinds, and the kinds among them. */
type Channel = Polynomial & {
  readonly kinds: Uint8Array;
  readonly among: readonly ActivationKind[];
};

function channelsOf(node: NodeOf<'MixedActivation'>, plan: PlanBuilder): Channel[] {
  const { shape, channels } = plan.range(node.inputs[0]!);
  const { c2, c1, c0 } = plan.publicPart.coefficients.get(node.name)!;
  const size = node.attributes.kinds.length / shape[0]!;
  return Array.from(channels, (reach, c) => {
    const kinds = node.attributes.kinds.subarray(c * size, (c + 1) * size);
    return {
      kinds,
      among: kindsAmong(activationKinds, kinds),
      c2: c2[c]!,
      c1: c1[c]!,
      c0: c0[c]!,
      reach: Math.max(reach, 2 ** -10),
    };
  });
}

/**
 * Chooses the truncations so that the multipliers of squares and lines have as many bits as the ring has room
 * for.
 */
function scalesOf(
  channels: readonly Channel[],
  wire: Wire,
  scale: number,
  truncate: number,
  guard: number,
): PolynomialScales {
  const gainsOf = (form: 'square' | 'line') =>
    channels.flatMap((channel) =>
      channel.among.flatMap((kind) => {
        const gain = gains[kind](channel)[form];
        return gain === undefined ? [] : [{ gain, reach: channel.reach }];
      }),
    );
  const hasPolynomials = channels.some(({ among }) => among.some((kind) => isPolynomial[kind]));
  const square = largestTruncation(gainsOf('square'), Math.sqrt(scale) / wire.scale, wire.scale, guard);
  const affine = hasPolynomials
    ? largestTruncation(gainsOf('line'), scale / wire.scale, wire.scale, guard)
    : truncate;
  return { input: wire.scale, output: scale, guard, square, affine: Math.max(affine, truncate) };
}

/** The factor of x in an element of each kind: as a square, as a line, or as either. */
const gains: ByActivationKind<(channel: Channel) => { readonly square?: number; readonly line?: number }> = {
  identity: () => ({ line: 1 }),
  relu: () => ({}),
  poly: ({ c2, c1 }) => ({ square: Math.sqrt(Math.abs(c2)), line: c1 }),
};

function fillChannel(
  spec: ActivationSpec,
  c: number,
  channel: Channel,
  node: Node,
  scales: PolynomialScales,
): void {
  const codes = new Map<number, number>(
    channel.among.map((kind) => {
      const form = fills[kind](spec, c, channel, node, scales);
      return [activationKinds[kind], elementKinds[form]];
    }),
  );
  spec.kinds.set(
    channel.kinds.map((code) => codes.get(code)!),
    c * spec.channelSize,
  );
}

/** Writes the numbers of a channel's elements of one kind into the spec, and returns their kind there. */
type Fill = (
  spec: ActivationSpec,
  c: number,
  channel: Channel,
  node: Node,
  scales: PolynomialScales,
) => ElementKind;

const fills: ByActivationKind<Fill> = {
  identity(spec, c, _channel, _node, scales) {
    spec.affine.multiplier[c] = (2 ** scales.affine * scales.output) / scales.input;
    spec.affine.offset[c] = 0;
    return 'affine';
  },
  relu: () => 'relu',
  poly: fillPolynomial,
};

/**
 * Writes the form with the smaller error into the spec and returns its kind. A channel with identities has
 * its one multiplier for them, so its polynomial must be a square.
 */
function fillPolynomial(
  spec: ActivationSpec,
  c: number,
  channel: Channel,
  node: Node,
  scales: PolynomialScales,
): ElementKind {
  const hasIdentities = channel.among.includes('identity');
  const square = fitSquare(channel, scales);
  const affine = fitAffine(channel, scales);
  if (square !== undefined && (hasIdentities || square.error <= affine.error)) {
    spec.square.multiplier[c] = square.multiplier;
    spec.square.offset[c] = square.offset;
    spec.square.sign[c] = square.sign;
    spec.square.constant[c] = square.constant;
    return 'square';
  }
  if (hasIdentities) {
    throw new PlanError(
      `node ${node.name} (${node.op}) cannot run privately: ` +
        `channel ${c} has both identities and a polynomial whose ` +
        `x^2 term (${channel.c2.toPrecision(2)}) is too small for a square; ` +
        "make that channel's elements all of one kind",
    );
  }
  spec.affine.multiplier[c] = affine.multiplier;
  spec.affine.offset[c] = affine.offset;
  return 'affine';
}
