import type { ActivationSpec, ReluSpec } from '../../crypto/spec.ts';
import { elementKinds } from '../../crypto/spec.ts';
import type { Shape } from '../../models/tensor.ts';
import { sizeOf } from '../../models/tensor.ts';
import { PlanError } from '../../src/shared/errors.ts';
import type { Ranges, ValueRange } from './ranges.ts';
import type { CompileOptions, PublicPart } from './options.ts';
import { usualPrecision } from './precise-scales.ts';
import { valueBits } from './scale-limits.ts';
import type { Step, Wire, WireId } from '../plan/plan.ts';

/** |integer| < 2^ringBits of a value that is not truncated. */
const ringBits = 31;

type WithoutId<S> = S extends Step ? Omit<S, 'id' | 'output'> : never;

/** The plan so far, and the public part of the model. Lowerings add wires and steps to it. */
export class PlanBuilder {
  readonly wires: Wire[] = [];
  readonly steps: Step[] = [];
  readonly options: CompileOptions;
  readonly publicPart: PublicPart;
  readonly #ranges: Ranges;
  readonly #scales: ReadonlyMap<string, number>;
  readonly #limits: ReadonlyMap<string, number>;
  readonly #wires = new Map<string, WireId>();
  readonly #rescaled = new Map<string, WireId>();

  constructor(
    ranges: Ranges,
    limits: ReadonlyMap<string, number>,
    publicPart: PublicPart,
    options: CompileOptions,
    preciseScales: ReadonlyMap<string, number> = new Map(),
  ) {
    this.#ranges = ranges;
    this.#scales = preciseScales;
    this.#limits = limits;
    this.publicPart = publicPart;
    this.options = options;
  }

  range(value: string): ValueRange {
    const range = this.#ranges.get(value);
    if (range === undefined) throw new PlanError(`value ${value} has no calibrated range`);
    return range;
  }

  /** Whether the name is a value's and not a constant's. */
  isValue(name: string): boolean {
    return this.#ranges.has(name);
  }

  /** The scale at which a value's rounding is as fine as it should be. */
  preciseScale(value: string): number {
    return this.#scales.get(value) ?? 2 ** usualPrecision;
  }

  limit(value: string): number {
    return this.#limits.get(value) ?? Infinity;
  }

  /** The wire of a value. Throws PlanError if its node has not been lowered yet. */
  wireOf(value: string): WireId {
    const wire = this.#wires.get(value);
    if (wire === undefined) throw new PlanError(`value ${value} is used before it is computed`);
    return wire;
  }

  scaleOf(wire: WireId): number {
    return this.wires[wire]!.scale;
  }

  /** Adds a wire for a value of the graph. */
  addWire(value: string, scale: number): WireId {
    const { shape, largest } = this.range(value);
    const wire = this.newWire(shape, scale, largest);
    this.#wires.set(value, wire);
    return wire;
  }

  /** Says that another wire already carries the value. */
  alias(value: string, wire: WireId): void {
    this.#wires.set(value, wire);
  }

  newWire(shape: Shape, scale: number, largest: number): WireId {
    const bits = Math.max(1, Math.ceil(Math.log2(Math.max(largest * scale, 1))) + this.options.guardBits);
    return this.exactWire({ shape, scale, bits });
  }

  /** Adds a wire whose bits are known, without guard bits. */
  exactWire(wire: Wire): WireId {
    this.wires.push(wire);
    return this.wires.length - 1;
  }

  /** The number of bits to drop from a wire of this scale on its way to the activation `output`. */
  truncation(output: string, scale: number): number {
    const wanted = Math.min(this.preciseScale(output), this.limit(output));
    return Math.max(0, Math.ceil(Math.log2(scale / wanted)));
  }

  /**
   * The sign test of the activation `node` on a wire; k = 'free' leaves out the bits that are dropped anyway,
   * and those that the node's ReLUs leave out above them.
   */
  signTest(node: string, input: WireId, free: number): Pick<ReluSpec, 'k' | 'bits' | 'mode'> {
    const { options } = this;
    const bits = options.bits ?? this.wires[input]!.bits;
    const given = typeof options.k === 'object' ? (options.k[node] ?? 'free') : options.k;
    if (given !== 'free') return { k: Math.min(given, bits - 1), bits, mode: options.mode };
    const more = Math.min(free + (options.leftOut[node] ?? 0), bits - 2);
    return { k: Math.max(Math.min(free, bits - 1), more), bits, mode: options.mode };
  }

  /**
   * Throws PlanError if a value that a step computes does not fit the ring. The scales are chosen so that all
   * do, and a lowering that did not keep to its limit must not make wrong answers. Local steps round the
   * reach of their values up to a power of two, so what an activation reads may seem to have a bit too many.
   */
  checkRoom(): void {
    for (const { kind, node, inputs, output } of this.steps) {
      const read = kind === 'activation' ? inputs.map((wire) => this.wires[wire]!.bits) : [];
      const over = Math.max(this.wires[output]!.bits - ringBits, ...read.map((bits) => bits - valueBits - 1));
      if (over > 0)
        throw new PlanError(
          `node ${node} cannot run privately: ${over} bits are missing in the 32-bit ring; lower the ` +
            'precision of the activations or the guard bits',
        );
    }
  }

  /** Adds a step that writes `output`. */
  emit(step: WithoutId<Step>, output: WireId): void {
    this.steps.push({ ...step, id: this.steps.length + 1, output });
  }

  /**
   * The wire of `value` divided by 2^t, so that its scale is at most `scale`. It takes one activation layer
   * of identities; later callers get the same wire.
   */
  truncated(value: string, node: string, scale: number): WireId {
    const input = this.wireOf(value);
    const shift = Math.ceil(Math.log2(this.scaleOf(input) / scale));
    return shift <= 0 ? input : this.#affine(value, node, 1, shift, this.scaleOf(input) / 2 ** shift);
  }

  /**
   * The wire of `value` at exactly `scale`; it is multiplied by a fraction of 15 bits if the ratio is not a
   * power of two.
   */
  rescaled(value: string, node: string, scale: number): WireId {
    const input = this.wireOf(value);
    const ratio = scale / this.scaleOf(input);
    const room = valueBits - this.wires[input]!.bits;
    const shift = Math.min(room, 15) - Math.ceil(Math.log2(ratio));
    const multiplier = Math.round(ratio * 2 ** shift);
    if (shift < 0 || multiplier < 2 ** 6) {
      throw new PlanError(
        `node ${node}: its inputs have scales ${this.scaleOf(input)} and ${scale}, ` +
          'and no bits are left to make them equal; lower the precision',
      );
    }
    return this.#affine(value, node, multiplier, shift, scale);
  }

  #affine(value: string, node: string, multiplier: number, truncate: number, scale: number): WireId {
    const input = this.wireOf(value);
    const key = `${input} ${multiplier} ${truncate}`;
    const known = this.#rescaled.get(key);
    if (known !== undefined) return known;
    const { shape, largest } = this.range(value);
    const output = this.newWire(shape, scale, largest);
    this.emit(
      { kind: 'activation', node, inputs: [input], spec: affineSpec(shape, multiplier, truncate) },
      output,
    );
    this.#rescaled.set(key, output);
    return output;
  }
}

/** Applies y = T(multiplier x, truncate) to every element. */
function affineSpec(shape: Shape, multiplier: number, truncate: number): ActivationSpec {
  const empty = emptyActivation(shape);
  return {
    ...empty,
    affine: { ...empty.affine, truncate, multiplier: empty.affine.multiplier.fill(multiplier) },
  };
}

/** A spec in which all elements are affine with multiplier 0, for lowerings to fill in. */
export function emptyActivation(shape: Shape): ActivationSpec {
  const channels = shape[0]!;
  const ints = () => new Int32Array(channels);
  return {
    channels,
    channelSize: sizeOf(shape.slice(1)),
    kinds: new Uint8Array(sizeOf(shape)).fill(elementKinds.affine),
    relu: { truncate: 0, k: 0, bits: valueBits, mode: 'posZero' },
    affine: { truncate: 0, multiplier: ints(), offset: ints() },
    square: {
      truncate: 0,
      multiplier: ints(),
      offset: ints(),
      sign: new Int8Array(channels).fill(1),
      constant: ints(),
    },
  };
}
