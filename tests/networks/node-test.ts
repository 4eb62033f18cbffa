import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModel } from '../../models/files/read.ts';
import { fold, isFoldable } from '../../models/files/fold.ts';
import { known } from '../../models/files/constant.ts';
import { nothingBeside } from '../../models/files/files-beside.ts';
import { decodeFile } from '../../models/onnx/decode.ts';
import { decodeTensor } from '../../models/onnx/decode-tensor.ts';
import {
  ModelProtoSchema,
  TensorProtoSchema,
  TensorProto_DataType as DataType,
  TensorShapeProto_DimensionSchema as DimensionSchema,
  TensorShapeProtoSchema,
  TypeProtoSchema,
  TypeProto_TensorSchema,
  ValueInfoProtoSchema,
} from '../../models/onnx/onnx_pb.js';
import type { ModelProto, TensorProto } from '../../models/onnx/onnx_pb.js';
import type { RawTensor } from '../../models/onnx/raw.ts';
import { rewrites } from '../../models/files/rewrite.ts';
import { AttributeReader } from '../../models/ops/attributes.ts';
import { Refusal } from '../../models/refusal.ts';
import { ops } from '../../models/ops/index.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { ModelError } from '../../src/shared/errors.ts';

/** One of the ONNX project's own tests: a model of a node or few, its inputs and what must come out. */
export type NodeTest = {
  readonly name: string;
  readonly model: ModelProto;
  /** undefined where it is no tensor, or one of a type that has no decoder here. */
  readonly inputs: readonly (TensorProto | undefined)[];
  readonly outputs: readonly (TensorProto | undefined)[];
};

export type Verdict =
  | { readonly kind: 'passed'; readonly as: string }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

export function loadNodeTest(folder: string, name: string): NodeTest {
  const data = join(folder, name, 'test_data_set_0');
  const tensors = (kind: string) => {
    const found: (TensorProto | undefined)[] = [];
    for (let i = 0; existsSync(join(data, `${kind}_${i}.pb`)); i++)
      found.push(tensorOf(readFileSync(join(data, `${kind}_${i}.pb`))));
    return found;
  };
  const model = fromBinary(ModelProtoSchema, readFileSync(join(folder, name, 'model.onnx')));
  const isTensor = model.graph!.input.map(({ type }) => type?.value.case === 'tensorType');
  const inputs = tensors('input').map((t, i) => (isTensor[i] === true ? t : undefined));
  return { name, model: atSupportedOpset(model), inputs, outputs: tensors('output') };
}

/**
 * Ops whose definition at opset 13 is older: a test of that definition is one of opset 13
 * (onnx/docs/Changelog.md).
 */
const unchangedSince: Readonly<Record<string, number>> = {
  And: 7,
  AveragePool: 11,
  ConstantOfShape: 9,
  Conv: 11,
  GlobalAveragePool: 1,
  GlobalMaxPool: 1,
  HardSigmoid: 6,
  MaxPool: 12,
  Not: 1,
  Or: 7,
  Range: 11,
};

function atSupportedOpset(model: ModelProto): ModelProto {
  const opset = model.opsetImport.find(({ domain }) => domain === '');
  const isUnchanged = ({ opType }: { opType: string }) =>
    (unchangedSince[opType] ?? Infinity) <= Number(opset?.version);
  if (opset !== undefined && opset.version < 13n && model.graph!.node.every(isUnchanged)) opset.version = 13n;
  return model;
}

function tensorOf(bytes: Uint8Array): TensorProto | undefined {
  try {
    return fromBinary(TensorProtoSchema, bytes);
  } catch {
    return undefined;
  }
}

/** The ops of a test that the reader knows nothing of; such a test is out of scope. */
export function foreignOps({ model }: NodeTest): string[] {
  const known = ({ opType, domain }: { opType: string; domain: string }) =>
    domain === '' &&
    opType !== 'MixedActivation' &&
    opType !== 'GatedActivation' &&
    (Object.hasOwn(ops, opType) || Object.hasOwn(rewrites, opType) || isFoldable(opType));
  return model.graph!.node.filter((node) => !known(node)).map((node) => node.opType);
}

/**
 * Runs a test in each way that fits it: the first input as the network's image and the others as weights;
 * image by image, the others cut with it, where an elementwise op has inputs of one shape; all inputs as
 * constants that are folded.
 */
export async function checkNodeTest(test: NodeTest): Promise<Verdict> {
  const precision = precisionOf(test);
  const verdicts = [await attempt('a network', precision, () => asNetwork(test))];
  if (isElementwise(test))
    verdicts.push(await attempt('a network, image by image', precision, () => imageByImage(test)));
  if (test.model.graph!.node.length === 1 && isFoldable(test.model.graph!.node[0]!.opType))
    verdicts.push(await attempt('constants', precision, () => Promise.resolve(asConstants(test))));
  const failed = verdicts.find((v) => v.kind === 'failed');
  const passed = verdicts.filter((v) => v.kind === 'passed');
  if (failed !== undefined) return failed;
  if (passed.length > 0) return { kind: 'passed', as: passed.map((v) => v.as).join('; ') };
  return verdicts[0]!;
}

async function attempt(as: string, precision: number, run: () => Promise<Values>): Promise<Verdict> {
  try {
    const { actual, expected } = await run();
    const reason = difference(actual, expected, precision);
    return reason === undefined ? { kind: 'passed', as } : { kind: 'failed', reason: `as ${as}: ${reason}` };
  } catch (error) {
    if (error instanceof ModelError || error instanceof Refusal)
      return {
        kind: 'refused',
        reason: error.message
          .replace(/^test\.onnx: (1 node is not supported:)?\s*/, '')
          .replace(/\n\s*/g, '; '),
      };
    return { kind: 'failed', reason: `as ${as}: ${String(error)}` };
  }
}

type Values = { readonly actual: Plain; readonly expected: Plain };
type Plain = { readonly shape: readonly number[]; readonly data: ArrayLike<number | bigint> };

/**
 * Single precision: 10^-5 of a value is some hundred roundings. Half floats are kept as single ones here,
 * unrounded: 2^-11.
 */
function precisionOf({ outputs }: NodeTest): number {
  return outputs[0]?.dataType === DataType.FLOAT16 ? 2 ** -11 : 1e-5;
}

export function difference(actual: Plain, expected: Plain, precision = 1e-5): string | undefined {
  if (actual.shape.join() !== expected.shape.join())
    return `expected the shape [${expected.shape.join(', ')}], got [${actual.shape.join(', ')}]`;
  for (let i = 0; i < expected.data.length; i++) {
    const [a, b] = [Number(actual.data[i]), Number(expected.data[i])];
    const same = a === b || (Number.isNaN(a) && Number.isNaN(b));
    if (!same && !(Math.abs(a - b) <= 1e-6 + precision * Math.abs(b)))
      return `element ${i}: expected ${b}, got ${a}`;
  }
  return undefined;
}

const elementwise: ReadonlySet<string> = new Set([
  'Add', 'Sub', 'Mul', 'Div', 'Sum', 'Max', 'PRelu', 'Relu', 'Clip', 'LeakyRelu', 'Sigmoid', 'HardSigmoid', 'HardSwish',
]); // prettier-ignore

function isElementwise({ model, inputs }: NodeTest): boolean {
  return (
    model.graph!.node.every((node) => elementwise.has(node.opType)) && inputs.every((t) => t !== undefined)
  );
}

async function asNetwork({ model, inputs, outputs }: NodeTest): Promise<Values> {
  const [image, ...others] = inputs;
  if (image === undefined) throw new Refusal('it has no input, or its input is not a tensor');
  if (others.includes(undefined)) throw new Refusal('an input is not a tensor');
  const x = decode(image);
  const actual = await evaluate(model, x, others as TensorProto[]);
  return { actual, expected: decode(outputs[0]) };
}

/** Every input of as many dimensions as the first is cut along the batch; a vector is one image. */
async function imageByImage({ model, inputs, outputs }: NodeTest): Promise<Values> {
  const tensors = inputs.map((t) => decode(t));
  const [x] = tensors as [RawTensor];
  const isVector = x.shape.length <= 1;
  const n = isVector ? 1 : x.shape[0]!;
  const expected = decode(outputs[0]);
  const results: number[] = [];
  for (let i = 0; i < n; i++) {
    const cut = (t: RawTensor): RawTensor => {
      if (isVector) return { ...t, shape: [1, ...t.shape] };
      return t.shape.length === x.shape.length && t.shape[0] === n ? row(t, i) : t;
    };
    const others = tensors.slice(1).map((t) => encode(t.shape.length === 0 ? t : cut(t)));
    const image = x.shape.length === 0 ? { ...x, shape: [1, 1] } : cut(x);
    results.push(...(await evaluate(model, image, others)).data);
  }
  return { actual: { shape: expected.shape, data: results }, expected };
}

function row(t: RawTensor, i: number): RawTensor {
  const size = sizeOf(t.shape.slice(1));
  return { ...t, shape: [1, ...t.shape.slice(1)], data: t.data.slice(i * size, (i + 1) * size) } as RawTensor;
}

async function evaluate(model: ModelProto, x: RawTensor, others: readonly TensorProto[]) {
  const bound = bind(model, x.shape, others);
  const network = readModel(toBinary(ModelProtoSchema, bound), 'test.onnx');
  const n = x.shape[0] ?? 1;
  const data = await predict(network, Float32Array.from(x.data as ArrayLike<number>, Number), n, {
    threads: 1,
  });
  return { shape: [n, ...network.graph.outputs[0]!.shape], data };
}

/** The model with all inputs but the first as initialisers, and the first of the given shape. */
function bind(original: ModelProto, shape: readonly number[], others: readonly TensorProto[]): ModelProto {
  const model = fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, original));
  const graph = model.graph!;
  const [first, ...rest] = graph.input;
  graph.initializer.push(...others.map((t, i) => ({ ...t, name: rest[i]!.name })));
  graph.input = [first!];
  if (first!.type?.value.case === 'tensorType' && first!.type.value.value.shape !== undefined) {
    first!.type.value.value.shape.dim = shape.map((d) =>
      create(DimensionSchema, { value: { case: 'dimValue', value: BigInt(d) } }),
    );
  }
  return model;
}

/** Through the folding of constants alone. */
function asConstants({ model, inputs, outputs }: NodeTest): Values {
  const file = model.graph!.node[0]!;
  const byName = new Map(model.graph!.input.map(({ name }, i) => [name, inputs[i]]));
  const constants = file.input.map((name) => {
    const tensor = decode(byName.get(name));
    return { constant: known(tensor), shape: tensor.shape };
  });
  const attributes = new AttributeReader(decodeAttributes(model));
  const constant = fold(file.opType, attributes, constants);
  if (constant === undefined) throw new Refusal('it is not folded');
  attributes.finish();
  return { actual: constant.tensor, expected: decode(outputs[0]) };
}

/** The decoder of files wants one input of floats; which one does not matter for attributes. */
function decodeAttributes(model: ModelProto) {
  const copy = fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, model));
  const dim = [1n, 1n].map((value) => create(DimensionSchema, { value: { case: 'dimValue', value } }));
  const shape = create(TensorShapeProtoSchema, { dim });
  const tensor = create(TypeProto_TensorSchema, { elemType: DataType.FLOAT, shape });
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } });
  copy.graph!.input = [create(ValueInfoProtoSchema, { name: '', type })];
  return decodeFile(toBinary(ModelProtoSchema, copy), nothingBeside).nodes[0]!.attributes();
}

function decode(proto: TensorProto | undefined): RawTensor {
  if (proto === undefined) throw new Refusal('it is not a tensor');
  return decodeTensor(proto, nothingBeside);
}

function encode(t: RawTensor): TensorProto {
  const dims = t.shape.map(BigInt);
  if (t.dtype === 'float32')
    return create(TensorProtoSchema, { dims, dataType: DataType.FLOAT, floatData: [...t.data] });
  if (t.dtype === 'int64')
    return create(TensorProtoSchema, { dims, dataType: DataType.INT64, int64Data: [...t.data] });
  return create(TensorProtoSchema, { dims, dataType: DataType.UINT8, int32Data: [...t.data] });
}
