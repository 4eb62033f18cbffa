import type { Ending } from './ending.ts';
import type { History } from './history.ts';
import type { Preprocessing } from './preprocessing.ts';
import type { Shape, Tensor } from './tensor.ts';

/**
 * The network as plain data. Ops keep their ONNX names. Attributes have ONNX's defaults filled in and
 * describe two spatial dimensions. A graph is in topological order and is never changed in place.
 *
 * Shapes leave out the batch: a value of shape [C, H, W] is N x C x H x W in onnxruntime.
 */
export type OpAttributes = {
  Conv: ConvAttributes;
  Gemm: { readonly alpha: number; readonly beta: number; readonly transA: boolean; readonly transB: boolean };
  MatMul: NoAttributes;
  Relu: NoAttributes;
  /** y = min(max(x, min), max); an absent bound is infinite. ReLU6 is min 0, max 6. */
  Clip: { readonly min: number; readonly max: number };
  LeakyRelu: { readonly alpha: number };
  PRelu: NoAttributes;
  Sigmoid: NoAttributes;
  HardSigmoid: { readonly alpha: number; readonly beta: number };
  HardSwish: NoAttributes;
  /**
   * x sigmoid(x), also called SiLU. It is ONNX's name from opset 24 on; files of older opsets have Sigmoid
   * and Mul.
   */
  Swish: NoAttributes;
  Tanh: NoAttributes;
  Elu: { readonly alpha: number };
  Celu: { readonly alpha: number };
  Gelu: NoAttributes;
  Erf: NoAttributes;
  Add: NoAttributes;
  /** Of two values. */
  Sub: NoAttributes;
  Mul: NoAttributes;
  BatchNormalization: { readonly epsilon: number; readonly momentum: number };
  MaxPool: PoolAttributes;
  AveragePool: PoolAttributes & { readonly countIncludePad: boolean };
  GlobalAveragePool: NoAttributes;
  /** Surrounds height and width with a constant. */
  Pad: { readonly pads: Pads; readonly value: number };
  Flatten: { readonly axis: number };
  /** `shape` is without the batch and has at most one -1. */
  Reshape: { readonly shape: Shape };
  /** `axis` counts the batch as 0, as in ONNX, and is never 0. */
  Concat: { readonly axis: number };
  /** The slices along `axis` (the batch is 0, and not meant) at `indices`, each at most once. */
  Gather: { readonly axis: number; readonly indices: readonly number[] };
  Identity: NoAttributes;
  Dropout: NoAttributes;
  MixedActivation: MixedAttributes;
  GatedActivation: GatedAttributes;
};

export type NoAttributes = Readonly<Record<never, never>>;

export type Pair = readonly [number, number];

/** top, left, bottom, right */
export type Pads = readonly [number, number, number, number];

export type ConvAttributes = {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
  readonly group: number;
};

export type PoolAttributes = {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
  readonly ceilMode: boolean;
};

/**
 * One kind per element of [C, H, W] or [C]: `kinds[i]` is a number of activationKinds. Inputs: x, then the
 * polynomial's coefficients c2, c1, c0 per channel, each [C]: y = relu(x) | x | c2 x^2 + c1 x + c0. Kinds are
 * public, because they are part of the graph.
 */
export type MixedAttributes = { readonly kinds: Uint8Array };

/**
 * Used only in training, while a reduction learns which ReLUs to keep: y = g relu(x) + (1 - g) p(x), with a
 * gate g per element ([C, H, W]) or per channel ([C, 1, 1]). Inputs: x, the trained number behind the gate,
 * and c2, c1, c0, each [C]. With a `threshold`, there are also the gate's state and the moments of x, [7, C],
 * as running statistics; see models/ops/activations/gated-activation.ts.
 */
export type GatedAttributes = {
  readonly replacement: PolynomialForm;
  /**
   * The threshold of the hysteresis that turns the trained number into a gate of 0 or 1 (default: the number
   * itself is the gate).
   */
  readonly threshold?: number;
};

/** The form of p(x): 0, x, c1 x + c0, or c2 x^2 + c1 x + c0. */
export type PolynomialForm = (typeof polynomialForms)[number];

export const polynomialForms = ['none', 'identity', 'affine', 'quadratic'] as const;

/**
 * What takes a ReLU's place: a polynomial of one form, or in `mixed` channels a quadratic in those channels
 * where it is much better than a line, and a line in the others.
 */
export type Replacement = (typeof replacements)[number];

export const replacements = [...polynomialForms, 'mixed'] as const;

/**
 * The form of the polynomials of a layer. In a mixed one the coefficient of x^2 is 0 in channels of lines.
 */
export const formOf: { readonly [K in Replacement]: PolynomialForm } = {
  none: 'none',
  identity: 'identity',
  affine: 'affine',
  quadratic: 'quadratic',
  mixed: 'quadratic',
};

export const activationKinds = { identity: 0, relu: 1, poly: 2 } as const;
export type ActivationKind = keyof typeof activationKinds;
export type ByActivationKind<T> = { readonly [K in ActivationKind]: T };

/** Whether an element of this kind is a ReLU, which budgets count and a reduction may replace. */
export const isReluKind: ByActivationKind<boolean> = { identity: false, relu: true, poly: false };

/** Whether an element of this kind is the channel's polynomial c2 x^2 + c1 x + c0. */
export const isPolynomial: ByActivationKind<boolean> = { identity: false, relu: false, poly: true };

/** The kinds that may replace a ReLU. */
export type ReplacingKind = Exclude<ActivationKind, 'relu'>;

/** The kind of an element whose ReLU is replaced; the channel's coefficients say the rest. */
export const kindOfForm: { readonly [K in PolynomialForm]: ReplacingKind } = {
  none: 'poly',
  identity: 'identity',
  affine: 'poly',
  quadratic: 'poly',
};

export type OpType = keyof OpAttributes;

/** One application of an op. `inputs` name values or weights; '' is an absent optional input. */
export type NodeOf<K extends OpType> = {
  readonly op: K;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: OpAttributes[K];
};
export type Node = { [K in OpType]: NodeOf<K> }[OpType];

export type Value = { readonly name: string; readonly shape: Shape };

/**
 * Low bits that the private sign tests of an activation leave out, above those that its rounding drops
 * anyway, by node name; a node may be gone.
 */
export type LeftOut = Readonly<Record<string, number>>;

/** The most bits that a file can ask for. */
export const mostLeftOut = 16;

export type Graph = {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  /** What turns pixels in [0, 1] into the input (default: nothing, they are the input). */
  readonly preprocessing?: Preprocessing;
  /** What the whole network does with the logits (default: nothing, it ends with them). */
  readonly ending?: Ending;
  /** The names of the classes in the order of the logits (default: they are not known). */
  readonly classes?: readonly string[];
  /** The trainings of the network (default: they are not known). */
  readonly history?: History;
  /** What sign tests leave out, as a reduction chose it (default: only bits that cost nothing). */
  readonly leftOut?: LeftOut;
};

/** The weights are the server's secret; the graph is public. */
export type Model = { readonly graph: Graph; readonly weights: ReadonlyMap<string, Tensor> };
