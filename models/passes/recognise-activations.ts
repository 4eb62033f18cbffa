import { consumersOf } from '../analysis/shapes.ts';
import type { Model, Node } from '../graph.ts';
import { withNodes } from './rewire.ts';

/**
 * Replaces x Sigmoid(x) with Swish(x), x HardSigmoid(x) and x Clip(x + 3, 0, 6) / 6 with HardSwish(x), and x
 * (1 + Erf(x / sqrt(2))) / 2 with Gelu(x), because exporters write these activations in parts. The parts stay
 * if another node reads one of their values.
 */
export function recogniseActivations(model: Model): Model {
  const index = indexOf(model);
  const removed = new Set<Node>();
  const wholes = new Map<Node, Node>();
  for (const last of model.graph.nodes) {
    const match =
      last.op === 'Mul'
        ? (matchGate(index, last) ?? matchScaled(index, last) ?? matchGelu(index, last))
        : undefined;
    if (match === undefined) continue;
    const { op, x, parts } = match;
    wholes.set(last, { op, name: last.name, inputs: [x], outputs: last.outputs, attributes: {} });
    for (const part of parts) removed.add(part);
  }
  if (wholes.size === 0) return model;
  const nodes = model.graph.nodes.filter((node) => !removed.has(node));
  return withNodes(
    model,
    nodes.map((node) => wholes.get(node) ?? node),
  );
}

type Match = {
  readonly op: 'Swish' | 'HardSwish' | 'Gelu';
  readonly x: string;
  readonly parts: readonly Node[];
};

type Index = {
  readonly model: Model;
  /** The node that computes each value which has exactly one reader and is not an output of the graph. */
  readonly parts: ReadonlyMap<string, Node>;
};

function indexOf(model: Model): Index {
  const consumers = consumersOf(model.graph);
  const given = new Set(model.graph.outputs.map((value) => value.name));
  const inner = model.graph.nodes.filter(({ outputs: [y = ''] }) => {
    return consumers.get(y)?.length === 1 && !given.has(y);
  });
  return { model, parts: new Map(inner.map((node) => [node.outputs[0]!, node])) };
}

/** Matches x gate(x), where the gate is a Sigmoid, or a HardSigmoid with alpha 1/6 and beta 1/2. */
function matchGate(index: Index, product: Node): Match | undefined {
  for (const [x, gated] of bothWays(product)) {
    const gate = index.parts.get(gated);
    if (gate?.inputs[0] !== x) continue;
    if (gate.op === 'Sigmoid') return { op: 'Swish', x, parts: [gate] };
    if (gate.op === 'HardSigmoid' && isSixth(gate.attributes.alpha) && gate.attributes.beta === 0.5)
      return { op: 'HardSwish', x, parts: [gate] };
  }
  return undefined;
}

/** Matches (x clip(x + 3)) / 6 and x (clip(x + 3) / 6). */
function matchScaled(index: Index, last: Node): Match | undefined {
  const inner = scaledBySixth(index, last);
  if (inner?.op === 'Mul') {
    for (const [x, clipped] of bothWays(inner)) {
      const parts = clipOfShifted(index, index.parts.get(clipped), x);
      if (parts !== undefined) return { op: 'HardSwish', x, parts: [inner, ...parts] };
    }
  }
  for (const [x, gated] of bothWays(last)) {
    const scaled = index.parts.get(gated);
    if (scaled?.op !== 'Mul') continue;
    const parts = clipOfShifted(index, scaledBySixth(index, scaled), x);
    if (parts !== undefined) return { op: 'HardSwish', x, parts: [scaled, ...parts] };
  }
  return undefined;
}

/** Matches the product of x, 1 + erf(x / sqrt(2)) and 1 / 2, in any order. */
function matchGelu(index: Index, last: Node): Match | undefined {
  const { leaves, products } = factorsOf(index, last);
  const half = leaves.find((leaf) => isConstant(index, leaf, 0.5));
  if (leaves.length !== 3 || half === undefined) return undefined;
  const [first, second] = leaves.filter((leaf) => leaf !== half) as [string, string];
  for (const [x, sum] of [
    [first, second],
    [second, first],
  ] as const) {
    const parts = partsOfErf(index, index.parts.get(sum), x);
    if (parts !== undefined) return { op: 'Gelu', x, parts: [...products, ...parts] };
  }
  return undefined;
}

/** The factors of nested products, and the products below the outermost one. */
function factorsOf(index: Index, last: Node): { leaves: string[]; products: Node[] } {
  const inner = last.inputs.map((name) => index.parts.get(name)).find((node) => node?.op === 'Mul');
  if (inner === undefined) return { leaves: [...last.inputs], products: [] };
  const others = last.inputs.filter((name) => name !== inner.outputs[0]);
  return { leaves: [...others, ...inner.inputs], products: [inner] };
}

/** The nodes of 1 + erf(x / sqrt(2)), if `sum` is that. */
function partsOfErf(index: Index, sum: Node | undefined, x: string): readonly Node[] | undefined {
  if (sum?.op !== 'Add') return undefined;
  for (const [value, one] of bothWays(sum)) {
    const erf = isConstant(index, one, 1) ? index.parts.get(value) : undefined;
    const scaled = erf?.op === 'Erf' ? index.parts.get(erf.inputs[0]!) : undefined;
    if (erf === undefined || scaled?.op !== 'Mul') continue;
    const isScaled = bothWays(scaled).some(
      ([input, root]) => input === x && isConstant(index, root, Math.SQRT1_2),
    );
    if (isScaled) return [sum, erf, scaled];
  }
  return undefined;
}

/** The node whose output is multiplied by 1 / 6, or undefined if the product has no such factor. */
function scaledBySixth(index: Index, product: Node): Node | undefined {
  for (const [value, factor] of bothWays(product)) {
    const before = isConstant(index, factor, 1 / 6) ? index.parts.get(value) : undefined;
    if (before !== undefined) return before;
  }
  return undefined;
}

/** The nodes Clip and Add if `clip` is Clip(x + 3, 0, 6), else undefined. */
function clipOfShifted(index: Index, clip: Node | undefined, x: string): readonly Node[] | undefined {
  if (clip?.op !== 'Clip' || clip.attributes.min !== 0 || clip.attributes.max !== 6) return undefined;
  const sum = index.parts.get(clip.inputs[0]!);
  if (sum?.op !== 'Add') return undefined;
  const isShift = bothWays(sum).some(([value, shift]) => value === x && isConstant(index, shift, 3));
  return isShift ? [clip, sum] : undefined;
}

function bothWays({ inputs }: Node): readonly (readonly [string, string])[] {
  const [a, b] = inputs as [string, string];
  return [
    [a, b],
    [b, a],
  ];
}

function isConstant({ model }: Index, name: string, value: number): boolean {
  const found = model.weights.get(name)?.data;
  return found?.length === 1 && Math.abs(found[0]! - value) <= 2 ** -22 * value;
}

function isSixth(value: number): boolean {
  return Math.abs(value - 1 / 6) <= 2 ** -23;
}
