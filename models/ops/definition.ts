import type { NodeOf, OpAttributes, OpType } from '../graph.ts';
import type { RawFunction, RawNode, RawTensor } from '../onnx/raw.ts';
import type { Shape } from '../tensor.ts';
import type { AttributeReader } from './attributes.ts';
import type { Gradient } from './gradient.ts';

/** All that the rest of the program knows of an op. One file an op, one line in the table of index.ts. */
export type OpDefinition<K extends OpType> = {
  /** For docs/ops.md: what it computes, and which of ONNX's forms are refused. */
  readonly does: string;
  readonly refuses: string;
  /** What each input of the ONNX node is, in order. */
  readonly inputs: readonly InputKind[];
  /** Which of our node's inputs are running statistics. */
  readonly statistics?: readonly number[];
  /** The attributes of an ONNX node with the defaults filled in. Calls `refuse` for what is not supported. */
  readonly parse: (attributes: AttributeReader, inputs: readonly ParsedInput[]) => OpAttributes[K];
  /**
   * Output shapes. `inputs` are the shapes of the node's inputs in our graph: values without the batch, weights whole, an
   * absent input []. Calls `refuse` where they do not fit.
   */
  readonly shape: (attributes: OpAttributes[K], inputs: readonly Shape[]) => readonly Shape[];
  readonly cost: (attributes: OpAttributes[K], io: Io) => Cost;
  readonly gradient: Gradient<K>;
  /** The same in ONNX ops, opset 17. */
  readonly write: (node: NodeOf<K>, lowering: Lowering) => readonly RawNode[];
};

/**
 * - value: computed from the network's input
 * - weight: a float initialiser; `optional-weight` may be absent
 * - any: either of the two
 * - constant: folded into the attributes, not an input in our graph; `optional-constant` may be absent
 * - values: one or more values, last in the list
 */
export type InputKind =
  'value' | 'weight' | 'optional-weight' | 'any' | 'constant' | 'optional-constant' | 'values';

/** An input of a node being read. `constant` is set for initialisers; `shape` is undefined for an absent input. */
export type ParsedInput = {
  readonly name: string;
  readonly shape: Shape | undefined;
  readonly constant: RawTensor | undefined;
  /** The batch size where the file fixes one. */
  readonly batch: number | undefined;
};

/**
 * For one image. `relus`: scalar ReLUs of a private run; an activation of another kind counts one an element, as many as a ReLU in
 * its place would. `params`: trainable numbers.
 */
export type Cost = { readonly macs: number; readonly relus: number; readonly params: number };

export type Io = {
  readonly inputs: readonly Shape[];
  readonly outputs: readonly Shape[];
  /** Which inputs are weights. */
  readonly isWeight: readonly boolean[];
};

/** Where `write` puts what a node needs beside itself. */
export type Lowering = {
  /** Adds an initialiser under a fresh name derived from `name`, and returns it. */
  readonly constant: (name: string, value: ConstantValue) => string;
  readonly useFunction: (definition: RawFunction) => void;
  /** A name for a value between two nodes of one op, derived from `name`. */
  readonly fresh: (name: string) => string;
  /** Shape of a weight or value of the graph. */
  readonly shapeOf: (name: string) => Shape;
};

export type ConstantValue =
  | { readonly dtype: 'float32'; readonly shape: Shape; readonly data: Float32Array }
  | { readonly dtype: 'int64'; readonly shape: Shape; readonly data: BigInt64Array }
  | { readonly dtype: 'bool'; readonly shape: Shape; readonly data: Uint8Array };
