import { elementKinds } from '../../../crypto/spec.ts';
import type { NodeOf } from '../../../models/graph.ts';
import { windowsAlong } from '../../../models/ops/windows/window.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import type { WireId } from '../../plan/plan.ts';

/**
 * The bits of a difference that a comparison looks at, beyond those of the weights. With k bits left out, a
 * wrong sign picks a value that is lower by less than 2^k, where the two values differ by less; such errors
 * then weigh about as much as the rounding of the next layer's weights. Measured on a VGG of four
 * convolutions and two pools, trained on Fashion-MNIST, 1,500 test images, 10 bits a weight: the logits'
 * error is 0.0091 with exact comparisons, 0.0097 with 13 bits, 0.0109 with 12, 0.016 with 11, 0.032 with 10;
 * labels differ from the float model's in 2, 2, 2, 3 and 12.
 */
const moreThanWeights = 1;

/**
 * Computes maxima as trees of max(a, b) = b + ReLU(a - b), over rows first and then columns. That takes fewer
 * comparisons than over the whole window, and as many rounds if the window's sides are powers of two. Each
 * level is one round trip. Windows that padding or the border cuts are shorter. An element without a partner
 * waits for the next level, and a pair that two windows share is compared once.
 */
export function lowerMaxPool(node: NodeOf<'MaxPool'>, plan: PlanBuilder): void {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const [, height, width] = plan.range(x).shape as [number, number, number];
  const [, rows, columns] = plan.range(y).shape as [number, number, number];
  const rowWindows = windowsAlong(node.attributes, 0, height, rows);
  const columnWindows = windowsAlong(node.attributes, 1, width, columns);
  const tree = new MaximumTree(node, plan);
  tree.reduce(1, rowWindows, 'rows');
  tree.reduce(2, columnWindows, 'columns');
  plan.alias(y, tree.wire);
}

/**
 * The comparisons of one level along an axis: its pairs, its single elements, and the places of each window's
 * elements after it (pairs come first).
 */
export type Level = {
  readonly pairs: readonly (readonly [number, number])[];
  readonly singles: readonly number[];
  readonly windows: readonly (readonly number[])[];
};

export function levelOf(windows: readonly (readonly number[])[]): Level {
  const pairs = new Map<string, readonly [number, number]>();
  const singles = new Set<number>();
  for (const window of windows) {
    for (let i = 0; i < window.length; i += 2) {
      const [a, b] = [window[i]!, window[i + 1]];
      if (b === undefined) singles.add(a);
      else pairs.set(`${a} ${b}`, [a, b]);
    }
  }
  const pairAt = new Map([...pairs.keys()].map((key, i) => [key, i]));
  const singleAt = new Map([...singles].map((index, i) => [index, pairs.size + i]));
  const after = windows.map((window) =>
    Array.from({ length: Math.ceil(window.length / 2) }, (_, i) => {
      const [a, b] = [window[2 * i]!, window[2 * i + 1]];
      return b === undefined ? singleAt.get(a)! : pairAt.get(`${a} ${b}`)!;
    }),
  );
  return { pairs: [...pairs.values()], singles: [...singles], windows: after };
}

class MaximumTree {
  wire: WireId;
  readonly #node: NodeOf<'MaxPool'>;
  readonly #plan: PlanBuilder;
  readonly #largest: number;

  constructor(node: NodeOf<'MaxPool'>, plan: PlanBuilder) {
    this.wire = plan.wireOf(node.inputs[0]!);
    this.#node = node;
    this.#plan = plan;
    this.#largest = plan.range(node.inputs[0]!).largest;
  }

  /** Computes the largest element of each window of coordinates along `axis`. */
  reduce(axis: number, windows: readonly (readonly number[])[], name: string): void {
    let level = 1;
    while (windows.some((window) => window.length > 1)) {
      const next = levelOf(windows);
      this.#compare(axis, next, `${this.#node.name}/${name}${level++}`);
      windows = next.windows;
    }
    const order = windows.map((window) => window[0]!);
    if (order.length !== this.#shape()[axis]! || order.some((at, i) => at !== i)) {
      this.wire = this.#pick(axis, order, `${this.#node.name}/${name}`);
    }
  }

  #compare(axis: number, { pairs, singles }: Level, node: string): void {
    const plan = this.#plan;
    const x = this.wire;
    const scale = plan.scaleOf(x);
    const shape = this.#shape().with(axis, pairs.length);
    const [first, second] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
    const difference = plan.newWire(shape, scale, 2 * this.#largest);
    plan.emit({ kind: 'combine', node, inputs: [x, x], axis, first, second, sign: -1 }, difference);
    const rise = plan.newWire(shape, scale, 2 * this.#largest);
    const empty = emptyActivation(shape);
    const relu = { truncate: 0, ...plan.signTest(node, difference, this.#freeBits(difference)) };
    const spec = { ...empty, kinds: empty.kinds.fill(elementKinds.relu), relu };
    plan.emit({ kind: 'activation', node, inputs: [difference], spec }, rise);
    const larger = plan.newWire(shape, scale, this.#largest);
    const all = pairs.map((_, i) => i);
    plan.emit({ kind: 'combine', node, inputs: [rise, x], axis, first: all, second, sign: 1 }, larger);
    this.wire = larger;
    if (singles.length === 0) return;
    const [waiting, blocks] = [this.#pick(axis, singles, node, x), sizeOf(shape.slice(0, axis))];
    const joined = plan.newWire(shape.with(axis, pairs.length + singles.length), scale, this.#largest);
    plan.emit({ kind: 'concat', node, inputs: [larger, waiting], shifts: [0, 0], blocks }, joined);
    this.wire = joined;
  }

  /**
   * The low bits that a comparison leaves out: those below the activations' precision, and those that two
   * values must differ in for it to matter which one is taken. See `moreThanWeights`.
   */
  #freeBits(difference: WireId): number {
    const { options } = this.#plan;
    const { scale, bits } = this.#plan.wires[difference]!;
    const window = options.weightBits + moreThanWeights;
    const fine = Math.floor(Math.log2(scale / this.#plan.preciseScale(this.#node.inputs[0]!)));
    return Math.max(0, fine, bits + 1 - window);
  }

  #pick(axis: number, indices: readonly number[], node: string, from: WireId = this.wire): WireId {
    const plan = this.#plan;
    const shape = plan.wires[from]!.shape;
    const picked = plan.newWire(
      Array.from(shape).with(axis, indices.length),
      plan.scaleOf(from),
      this.#largest,
    );
    plan.emit({ kind: 'pick', node, inputs: [from], axis, indices }, picked);
    return picked;
  }

  #shape(): number[] {
    return Array.from(this.#plan.wires[this.wire]!.shape);
  }
}
