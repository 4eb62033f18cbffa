import type { NodeOf, OpAttributes, OpType } from '../graph.ts';
import type { RawFunction, RawNode, RawTensor } from '../onnx/raw.ts';
import type { Shape } from '../tensor.ts';
import type { AttributeReader } from './attributes.ts';
import type { Gradient } from './gradient.ts';

/**
 * All that the rest of the program knows about an op. Each op has one file and one line in the table in
 * index.ts.
 */
export type OpDefinition<K extends OpType> = {
  /** For docs/ops.md: what the op computes, and which forms in ONNX are refused. */
  readonly does: string;
  readonly refuses: string;
  /** The kind of each input of the ONNX node, in order. */
  readonly inputs: readonly InputKind[];
  /** Positions of the inputs of our node that are running statistics (default: none). */
  readonly statistics?: readonly number[];
  /**
   * Reads the attributes of an ONNX node and fills in the defaults. Calls `refuse` for what is not supported.
   */
  readonly parse: (attributes: AttributeReader, inputs: readonly ParsedInput[]) => OpAttributes[K];
  /**
   * The output shapes. `inputs` are the shapes of the node's inputs in our graph: values without the batch,
   * weights in full, [] for an absent input. Calls `refuse` if they do not fit.
   */
  readonly shape: (attributes: OpAttributes[K], inputs: readonly Shape[]) => readonly Shape[];
  readonly cost: (attributes: OpAttributes[K], io: Io) => NodeCost;
  readonly gradient: Gradient<K>;
  /** The node as ONNX nodes of opset 17. */
  readonly write: (node: NodeOf<K>, writing: NodeWriting) => readonly RawNode[];
};

/**
 * - value: computed from the network's input
 * - weight: a float initialiser; `optional-weight` may be absent
 * - any: a value or a weight
 * - constant: read into the attributes, so our node has no such input; `optional-constant` may be absent
 * - values: one or more values, always last in the list
 */
export type InputKind =
  'value' | 'weight' | 'optional-weight' | 'any' | 'constant' | 'optional-constant' | 'values';

/**
 * An input of a node that is being read. `constant` is set for initialisers and other constants; `shape` is
 * undefined for an absent input.
 */
export type ParsedInput = {
  readonly name: string;
  readonly shape: Shape | undefined;
  readonly constant: RawTensor | undefined;
  /** The batch size, if the file fixes one. */
  readonly batch: number | undefined;
};

/**
 * The cost of a node for one image. `relus` counts the scalar ReLUs of private inference; an activation of
 * another kind counts one per element, as a ReLU in its place would. `params` counts trainable numbers.
 */
export type NodeCost = { readonly macs: number; readonly relus: number; readonly params: number };

export type Io = {
  readonly inputs: readonly Shape[];
  readonly outputs: readonly Shape[];
  /** Which inputs are weights. */
  readonly isWeight: readonly boolean[];
};

/** What `write` may add to the file besides the node's own ONNX nodes. */
export type NodeWriting = {
  /** Adds an initialiser under an unused name derived from `name`, and returns that name. */
  readonly constant: (name: string, value: ConstantValue) => string;
  readonly useFunction: (definition: RawFunction) => void;
  /** Returns an unused name, derived from `name`, for a value between two of the op's ONNX nodes. */
  readonly fresh: (name: string) => string;
  /** Shape of a weight, or of a value without the batch. */
  readonly shapeOf: (name: string) => Shape;
};

export type ConstantValue =
  | { readonly dtype: 'float32'; readonly shape: Shape; readonly data: Float32Array }
  | { readonly dtype: 'int64'; readonly shape: Shape; readonly data: BigInt64Array }
  | { readonly dtype: 'bool'; readonly shape: Shape; readonly data: Uint8Array };
