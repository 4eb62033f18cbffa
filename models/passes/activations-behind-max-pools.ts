import { inferShapes } from '../analysis/shapes.ts';
import { activationKinds } from '../graph.ts';
import type { Model, Node, NodeOf, OpType } from '../graph.ts';
import { windowsAlong } from '../ops/windows/window.ts';
import type { Shape } from '../tensor.ts';
import { onlyConsumer, withNodes } from './rewire.ts';

/**
 * Replaces MaxPool(f(x)) with f(MaxPool(x)), and MaxPool(Concat(f(x), f(y))) with f(MaxPool(Concat(x, y))),
 * where f never falls: Relu, Clip, or LeakyRelu with a slope that is not negative. Then max(f(a), f(b)) =
 * f(max(a, b)), and the padding of a maximum pool counts for nothing. A pool of 2 x 2 leaves a quarter of the
 * activations. An activation whose output is used elsewhere too stays.
 *
 * A MixedActivation goes behind the pool only if all elements of each window are ReLUs or all are identities.
 */
export function activationsBehindMaxPools(model: Model): Model {
  for (let current = model; ;) {
    const moved = moveOne(current);
    if (moved === undefined) return current;
    current = moved;
  }
}

function moveOne(model: Model): Model | undefined {
  const producers = new Map(model.graph.nodes.map((node) => [node.outputs[0]!, node]));
  /** The node that computes a value for one reader alone. */
  const ownerOf = (value: string) =>
    onlyConsumer(model.graph, value) === undefined ? undefined : producers.get(value);
  for (const pool of model.graph.nodes) {
    if (pool.op !== 'MaxPool') continue;
    const before = ownerOf(pool.inputs[0]!);
    if (before === undefined) continue;
    if (before.op === 'Concat') {
      const joined = before.inputs.map(ownerOf).filter((node) => node !== undefined);
      if (joined.length < before.inputs.length || !areAlike(joined)) continue;
      return withJoinBehind(model, joined, before, pool);
    }
    const behind = behindPool(before, pool, model);
    if (behind !== undefined) return swapped(model, before, pool, behind);
  }
  return undefined;
}

/** Whether an activation never falls, with attributes that do not depend on the element. */
const isRising: { readonly [K in OpType]?: (node: NodeOf<K>) => boolean } = {
  Relu: () => true,
  Clip: () => true,
  LeakyRelu: ({ attributes: { alpha } }) => alpha >= 0,
};

function rises(node: Node): boolean {
  return (isRising[node.op] as ((node: Node) => boolean) | undefined)?.(node) ?? false;
}

/** Whether they are one function, which never falls. */
function areAlike(nodes: readonly Node[]): boolean {
  const [first] = nodes;
  return nodes.every(
    (node) =>
      rises(node) &&
      node.op === first!.op &&
      JSON.stringify(node.attributes) === JSON.stringify(first!.attributes),
  );
}

/** The attributes of an activation behind the pool; undefined if it must stay before it. */
function behindPool(node: Node, pool: NodeOf<'MaxPool'>, model: Model): Node['attributes'] | undefined {
  if (rises(node)) return node.attributes;
  if (node.op !== 'MixedActivation') return undefined;
  const shapes = inferShapes(model);
  const kinds = pooledKinds(
    node.attributes.kinds,
    shapes.get(pool.inputs[0]!)!,
    shapes.get(pool.outputs[0]!)!,
    pool,
  );
  return kinds && { kinds };
}

/** The kind of each window's elements; undefined if they differ, or if a polynomial is among them. */
function pooledKinds(
  kinds: Uint8Array,
  [channels, height, width]: Shape,
  [, rows, columns]: Shape,
  { attributes }: NodeOf<'MaxPool'>,
): Uint8Array | undefined {
  const down = windowsAlong(attributes, 0, height!, rows!);
  const across = windowsAlong(attributes, 1, width!, columns!);
  const pooled = new Uint8Array(channels! * rows! * columns!);
  let at = 0;
  for (let c = 0; c < channels!; c++) {
    for (const ys of down) {
      for (const xs of across) {
        const kindAt = (y: number, x: number) => kinds[(c * height! + y) * width! + x]!;
        const kind = kindAt(ys[0]!, xs[0]!);
        if (kind === activationKinds.poly) return undefined;
        if (!ys.every((y) => xs.every((x) => kindAt(y, x) === kind))) return undefined;
        pooled[at++] = kind;
      }
    }
  }
  return pooled;
}

/** The activation takes over the name of the pool's output, and the pool that of the activation's. */
function swapped(model: Model, activation: Node, pool: Node, attributes: Node['attributes']): Model {
  const [between, output] = [activation.outputs, pool.outputs];
  const before = { ...pool, inputs: [activation.inputs[0]!], outputs: between };
  const inputs = [between[0]!, ...activation.inputs.slice(1)];
  const behind = { ...activation, inputs, outputs: output, attributes } as Node;
  return withNodes(
    model,
    model.graph.nodes.flatMap((node) => {
      if (node === activation) return [];
      return node === pool ? [before, behind] : [node];
    }),
  );
}

/** The first activation stands for all of them. */
function withJoinBehind(
  model: Model,
  activations: readonly Node[],
  concat: NodeOf<'Concat'>,
  pool: NodeOf<'MaxPool'>,
): Model {
  const first = activations[0]!;
  const between = first.outputs;
  const join = { ...concat, inputs: activations.map(({ inputs }) => inputs[0]!) };
  const before = { ...pool, outputs: between };
  const behind = { ...first, inputs: between, outputs: pool.outputs };
  return withNodes(
    model,
    model.graph.nodes.flatMap((node) => {
      if (activations.includes(node)) return [];
      if (node === concat) return [join];
      return node === pool ? [before, behind] : [node];
    }),
  );
}
