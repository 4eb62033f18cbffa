import { sha256 } from '@noble/hashes/sha2.js';
import {
  either,
  fourOf,
  integer,
  list,
  Malformed,
  number,
  oneOf,
  pairOf,
  record,
  text,
  variants,
} from '../../src/shared/json-check.ts';
import type { Check } from '../../src/shared/json-check.ts';
import { fromBase64, toBase64, toHex } from '../../src/shared/text.ts';
import type { ActivationSpec, ByKind } from '../../crypto/spec.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { endings } from '../../models/ending.ts';
import { checkDecodedSize, checkPlan, maxElements } from './check.ts';
import { longestClass, printableName } from './classes.ts';
import { planVersion } from './plan.ts';
import type { AnswerKind, Output, Plan, Step, StepKind, StepOf } from './plan.ts';

/** The most bytes of a serialised plan that is read: a ResNet-18 with a mask for every pixel has 0.2 MB. */
export const maxPlanBytes = 16 * 2 ** 20;

/**
 * Returns the canonical JSON of a plan: fixed order of keys, no spaces, packed integer arrays. Equal plans
 * give equal bytes.
 */
export function serialisePlan(plan: Plan): Uint8Array<ArrayBuffer> {
  const document = {
    version: plan.version,
    name: plan.name,
    input: { wire: plan.input.wire },
    output: outputDocument(plan.output),
    wires: plan.wires.map((wire) => ({ shape: wire.shape, scale: wire.scale, bits: wire.bits })),
    steps: plan.steps.map((step) => stepDocument(step)),
    ...(plan.preprocessing && { preprocessing: ordered(plan.preprocessing, preprocessingKeys) }),
    ...(plan.ending && { ending: plan.ending }),
    ...(plan.classes && { classes: plan.classes }),
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

/** The SHA-256 of a plan's canonical bytes, as 64 hex digits. */
export function planHash(plan: Plan): string {
  return toHex(sha256(serialisePlan(plan)));
}

/**
 * Reads a plan from a peer. Throws ProtocolError if it is malformed, inconsistent or not in canonical form.
 */
export function parsePlan(bytes: Uint8Array): Plan {
  if (bytes.byteLength > maxPlanBytes) {
    throw new ProtocolError(`plan: expected at most ${maxPlanBytes} bytes, got ${bytes.byteLength}`);
  }
  const document = parseJson(bytes);
  checkDecodedSize(document);
  const parsed = checkedDocument(document);
  checkPlan(parsed);
  const canonical = serialisePlan(parsed);
  if (canonical.length !== bytes.length || !canonical.every((byte, i) => byte === bytes[i]))
    throw new ProtocolError('plan: not in canonical form');
  return parsed;
}

function checkedDocument(document: unknown): Plan {
  try {
    return plan(document, []);
  } catch (error) {
    if (error instanceof Malformed) throw new ProtocolError(`plan: ${error.message}`);
    throw error;
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ProtocolError('plan: not JSON');
  }
}

function outputDocument(output: Output): object {
  const { answer, wire } = output;
  return output.answer === 'label' ? { answer, wire, logits: output.logits } : { answer, wire };
}

function stepDocument(step: Step): object {
  const { kind, id, node, inputs, output } = step;
  const head = { kind, id, node, inputs, output };
  switch (step.kind) {
    case 'bias':
    case 'reshape':
      return head;
    case 'add':
      return { ...head, shifts: step.shifts };
    case 'concat':
      return { ...head, shifts: step.shifts, blocks: step.blocks };
    case 'pick':
      return { ...head, axis: step.axis, indices: step.indices };
    case 'combine':
      return { ...head, axis: step.axis, first: step.first, second: step.second, sign: step.sign };
    case 'offset':
      return { ...head, value: typeof step.value === 'number' ? step.value : encodeArray(step.value) };
    case 'sumPool':
      return { ...head, spec: ordered(step.spec, ['kernel', 'strides', 'pads']) };
    case 'linear':
      return { ...head, spec: ordered(step.spec, linearKeys) };
    case 'activation':
      return { ...head, spec: activationDocument(step.spec) };
  }
}

const preprocessingKeys = ['mean', 'std', 'resize'] as const;

const linearKeys = [
  'inChannels',
  'outChannels',
  'height',
  'width',
  'kernel',
  'strides',
  'pads',
  'dilations',
  'group',
  'weightBits',
] as const;

function ordered<T extends object, K extends keyof T>(value: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, value[key]])) as Pick<T, K>;
}

function activationDocument(spec: ActivationSpec): object {
  const { channels, channelSize } = spec;
  return { channels, channelSize, kinds: encodeArray(spec.kinds), ...kindDocuments(spec) };
}

function kindDocuments({ relu, affine, square }: ActivationSpec): ByKind<object> {
  return {
    relu: ordered(relu, ['truncate', 'k', 'bits', 'mode']),
    affine: {
      truncate: affine.truncate,
      multiplier: encodeArray(affine.multiplier),
      offset: encodeArray(affine.offset),
    },
    square: {
      truncate: square.truncate,
      multiplier: encodeArray(square.multiplier),
      offset: encodeArray(square.offset),
      sign: encodeArray(square.sign),
      constant: encodeArray(square.constant),
    },
  };
}

const natural = integer(0, 1_000_000);
const int32 = integer(-(2 ** 31), 2 ** 31 - 1);
const positive = integer(1, 1_000_000);
const pair = pairOf(positive);
const pads = fourOf(natural);
const bits = integer(0, 31);
const shifts = list(bits, 1, 1000);

const axis = integer(0, 3);
const indices = list(natural, 1, 100_000);

const packed = either(number(), text());

const activationFields = record({
  channels: positive,
  channelSize: positive,
  kinds: packed,
  ...({
    relu: record({ truncate: bits, k: bits, bits, mode: oneOf('posZero', 'negPass') }),
    affine: record({ truncate: bits, multiplier: packed, offset: packed }),
    square: record({ truncate: bits, multiplier: packed, offset: packed, sign: packed, constant: packed }),
  } satisfies ByKind<Check<unknown>>),
});

/** As many integers as the text has; `checkPlan` compares their number with the step's. */
const packedWords: Check<Int32Array> = (value, path) => {
  const base64 = text()(value, path);
  return decodeArray(base64, new Int32Array(Math.floor((3 * base64.replace(/=+$/, '').length) / 16)), path);
};

const activationSpec: Check<ActivationSpec> = (value, path) => {
  const spec = activationFields(value, path);
  const { channels, channelSize, affine, square } = spec;
  const elements = channels * channelSize;
  if (elements > maxElements) throw new Malformed(path, `an activation of at most ${maxElements} elements`);
  const ints = (array: PackedArray) => decodeArray(array, new Int32Array(channels), path);
  return {
    ...spec,
    kinds: decodeArray(spec.kinds, new Uint8Array(elements), path),
    affine: { ...affine, multiplier: ints(affine.multiplier), offset: ints(affine.offset) },
    square: {
      ...square,
      multiplier: ints(square.multiplier),
      offset: ints(square.offset),
      sign: decodeArray(square.sign, new Int8Array(channels), path),
      constant: ints(square.constant),
    },
  };
};

const linearSpec = record({
  inChannels: positive,
  outChannels: positive,
  height: positive,
  width: positive,
  kernel: pair,
  strides: pair,
  pads,
  dilations: pair,
  group: positive,
  weightBits: integer(1, 20),
});

const head = { id: positive, node: text(200), inputs: list(natural, 1, 1000), output: natural };

const step = variants('kind', {
  linear: record({ kind: oneOf('linear'), ...head, spec: linearSpec }),
  bias: record({ kind: oneOf('bias'), ...head }),
  reshape: record({ kind: oneOf('reshape'), ...head }),
  add: record({ kind: oneOf('add'), ...head, shifts }),
  concat: record({ kind: oneOf('concat'), ...head, shifts, blocks: positive }),
  pick: record({ kind: oneOf('pick'), ...head, axis, indices }),
  combine: record({
    kind: oneOf('combine'),
    ...head,
    axis,
    first: indices,
    second: indices,
    sign: oneOf(1, -1),
  }),
  offset: record({ kind: oneOf('offset'), ...head, value: either(int32, packedWords) }),
  sumPool: record({ kind: oneOf('sumPool'), ...head, spec: record({ kernel: pair, strides: pair, pads }) }),
  activation: record({ kind: oneOf('activation'), ...head, spec: activationSpec }),
} satisfies { readonly [K in StepKind]: Check<StepOf<K>> });

const endpoint = record({ wire: natural });
const output = variants('answer', {
  logits: record({ answer: oneOf('logits'), wire: natural }),
  label: record({ answer: oneOf('label'), wire: natural, logits: natural }),
} satisfies Record<AnswerKind, Check<Output>>);

const preprocessing = record(
  { mean: list(number(-1e6, 1e6), 1, 65_536), std: list(number(1e-6, 1e6), 1, 65_536) },
  { resize: integer(1, 65_536) },
);

const plan = record(
  {
    version: oneOf(planVersion),
    name: text(200),
    input: endpoint,
    output,
    wires: list(record({ shape: list(positive, 1, 4), scale: number(Number.MIN_VALUE), bits }), 0, 10_000),
    steps: list(step, 0, 10_000),
  },
  {
    preprocessing,
    ending: oneOf(...endings),
    classes: list(text(longestClass, printableName, 'a name without control characters'), 1, 65_536),
  },
);

type IntegerArray = Int32Array | Int8Array | Uint8Array;

/**
 * An array of integers in a plan: one number if all elements are equal, else base64 of little-endian words.
 */
export type PackedArray = number | string;

/** Packs an array. Kinds take two bits per element, other integers their own width. */
export function encodeArray(array: IntegerArray): PackedArray {
  const first = array[0];
  if (first !== undefined && array.every((value: number) => value === first)) return first;
  if (array instanceof Uint8Array) return toBase64(packKinds(array));
  return toBase64(new Uint8Array(array.buffer, array.byteOffset, array.byteLength));
}

/**
 * Unpacks integers into an array of their number. Throws Malformed for another number of integers, or for
 * values out of range.
 */
export function decodeArray<A extends IntegerArray>(
  packed: PackedArray,
  array: A,
  path: readonly string[],
): A {
  if (typeof packed === 'number') {
    array.fill(packed);
    if (array[0] !== packed) throw new Malformed(path, `integers in range, got ${packed}`);
    return array;
  }
  const bytes = fromBase64(packed);
  const expected = array instanceof Uint8Array ? Math.ceil(array.length / 4) : array.byteLength;
  if (bytes?.byteLength !== expected) throw new Malformed(path, `a packed array of ${expected} bytes`);
  if (array instanceof Uint8Array) unpackKinds(bytes, array);
  else new Uint8Array(array.buffer).set(bytes);
  return array;
}

function packKinds(kinds: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(kinds.length / 4));
  for (let i = 0; i < kinds.length; i++) bytes[i >> 2]! |= kinds[i]! << (2 * (i & 3));
  return bytes;
}

function unpackKinds(bytes: Uint8Array, kinds: Uint8Array): void {
  for (let i = 0; i < kinds.length; i++) kinds[i] = (bytes[i >> 2]! >> (2 * (i & 3))) & 3;
}
