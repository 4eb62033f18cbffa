import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { z } from 'zod';
import type { ActivationSpec, ByKind } from '../../crypto/spec.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { checkDecodedSize, checkPlan, maxElements } from './check.ts';
import { longestClass, printableName } from './classes.ts';
import { planVersion } from './plan.ts';
import type { Plan, Step } from './plan.ts';

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
    output: { wire: plan.output.wire },
    wires: plan.wires.map((wire) => ({ shape: wire.shape, scale: wire.scale, bits: wire.bits })),
    steps: plan.steps.map((step) => stepDocument(step)),
    ...(plan.preprocessing && { preprocessing: ordered(plan.preprocessing, preprocessingKeys) }),
    ...(plan.classes && { classes: plan.classes }),
  };
  return new TextEncoder().encode(JSON.stringify(document));
}

/** The SHA-256 of a plan's canonical bytes, as 64 hex digits. */
export function planHash(plan: Plan): string {
  return bytesToHex(sha256(serialisePlan(plan)));
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
  const parsed = planSchema.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new ProtocolError(`plan: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'malformed'}`);
  }
  const plan = parsed.data as Plan;
  checkPlan(plan);
  if (!Buffer.from(serialisePlan(plan)).equals(bytes)) throw new ProtocolError('plan: not in canonical form');
  return plan;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new ProtocolError('plan: not JSON');
  }
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
      return { ...head, value: step.value };
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

const natural = z.int().min(0).max(1_000_000);
const positive = z.int().min(1).max(1_000_000);
const pair = z.tuple([positive, positive]);
const pads = z.tuple([natural, natural, natural, natural]);
const bits = z.int().min(0).max(31);
const shifts = z.array(bits).min(1).max(1000);

const axis = z.int().min(0).max(3);
const indices = z.array(natural).min(1).max(100_000);

const packed = <A>(make: (n: number) => A) =>
  z.union([z.number(), z.string()]).transform((value) => ({ value, make }));

const packedInts = packed((n) => new Int32Array(n));
const packedSigns = packed((n) => new Int8Array(n));
const packedKinds = packed((n) => new Uint8Array(n));

const kindSpecs = {
  relu: z.strictObject({ truncate: bits, k: bits, bits, mode: z.enum(['posZero', 'negPass']) }),
  affine: z.strictObject({ truncate: bits, multiplier: packedInts, offset: packedInts }),
  square: z.strictObject({
    truncate: bits,
    multiplier: packedInts,
    offset: packedInts,
    sign: packedSigns,
    constant: packedInts,
  }),
} satisfies ByKind<z.ZodType>;

const activationSpec = z
  .strictObject({ channels: positive, channelSize: positive, kinds: packedKinds, ...kindSpecs })
  .transform((spec, context): ActivationSpec => {
    const { channels, channelSize, affine, square } = spec;
    if (channels * channelSize > maxElements) {
      context.addIssue(`an activation of more than ${maxElements} elements`);
      return z.NEVER;
    }
    try {
      return {
        ...spec,
        kinds: decodeArray(spec.kinds, channels * channelSize),
        affine: {
          ...affine,
          multiplier: decodeArray(affine.multiplier, channels),
          offset: decodeArray(affine.offset, channels),
        },
        square: {
          ...square,
          multiplier: decodeArray(square.multiplier, channels),
          offset: decodeArray(square.offset, channels),
          sign: decodeArray(square.sign, channels),
          constant: decodeArray(square.constant, channels),
        },
      };
    } catch (error) {
      context.addIssue((error as Error).message);
      return z.NEVER;
    }
  });

const linearSpec = z.strictObject({
  inChannels: positive,
  outChannels: positive,
  height: positive,
  width: positive,
  kernel: pair,
  strides: pair,
  pads,
  dilations: pair,
  group: positive,
  weightBits: z.int().min(1).max(20),
});

const head = {
  id: positive,
  node: z.string().max(200),
  inputs: z.array(natural).min(1).max(1000),
  output: natural,
};

const stepSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('linear'), ...head, spec: linearSpec }),
  z.strictObject({ kind: z.literal('bias'), ...head }),
  z.strictObject({ kind: z.literal('reshape'), ...head }),
  z.strictObject({ kind: z.literal('add'), ...head, shifts }),
  z.strictObject({ kind: z.literal('concat'), ...head, shifts, blocks: positive }),
  z.strictObject({ kind: z.literal('pick'), ...head, axis, indices }),
  z.strictObject({
    kind: z.literal('combine'),
    ...head,
    axis,
    first: indices,
    second: indices,
    sign: z.union([z.literal(1), z.literal(-1)]),
  }),
  z.strictObject({ kind: z.literal('offset'), ...head, value: z.int32() }),
  z.strictObject({
    kind: z.literal('sumPool'),
    ...head,
    spec: z.strictObject({ kernel: pair, strides: pair, pads }),
  }),
  z.strictObject({ kind: z.literal('activation'), ...head, spec: activationSpec }),
]);

const endpoint = z.strictObject({ wire: natural });

const preprocessing = z.strictObject({
  mean: z.array(z.number().min(-1e6).max(1e6)).min(1).max(65_536),
  std: z.array(z.number().min(1e-6).max(1e6)).min(1).max(65_536),
  resize: z.int().min(1).max(65_536).optional(),
});

const planSchema = z.strictObject({
  version: z.literal(planVersion),
  name: z.string().max(200),
  input: endpoint,
  output: endpoint,
  wires: z
    .array(z.strictObject({ shape: z.array(positive).min(1).max(4), scale: z.number().positive(), bits }))
    .max(10_000),
  steps: z.array(stepSchema).max(10_000),
  preprocessing: preprocessing.optional(),
  classes: z.array(z.string().max(longestClass).regex(printableName)).min(1).max(65_536).optional(),
});

type IntegerArray = Int32Array | Int8Array | Uint8Array;

/**
 * An array of integers in a plan: one number if all elements are equal, else base64 of little-endian words.
 */
export type PackedArray = number | string;

/** Packs an array. Kinds take two bits per element, other integers their own width. */
export function encodeArray(array: IntegerArray): PackedArray {
  const first = array[0];
  if (first !== undefined && array.every((value: number) => value === first)) return first;
  if (array instanceof Uint8Array) return Buffer.from(packKinds(array)).toString('base64');
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('base64');
}

/** Unpacks `n` integers. Throws RangeError for another number of integers, or for values out of range. */
export function decodeArray<A extends IntegerArray>(
  packed: { readonly value: PackedArray; readonly make: (n: number) => A },
  n: number,
): A {
  const array = packed.make(n);
  if (typeof packed.value === 'number') {
    array.fill(packed.value);
    if (array[0] !== packed.value) throw new RangeError('an integer out of range');
    return array;
  }
  const bytes = Buffer.from(packed.value, 'base64');
  const expected = array instanceof Uint8Array ? Math.ceil(n / 4) : array.byteLength;
  if (bytes.byteLength !== expected) {
    throw new RangeError(`packed array: expected ${expected} bytes, got ${bytes.byteLength}`);
  }
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
