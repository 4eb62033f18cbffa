import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { readModel } from '../../../models/files/read.ts';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
} from '../../../models/onnx/onnx_pb.js';
import type { FunctionProto } from '../../../models/onnx/onnx_pb.js';
import { encodeRawModel } from '../../../models/onnx/raw.ts';
import type { RawFunction, RawNode } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/runtime/run.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { rawGraph, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

/** leaky(x, slope): its slope refers to the call's attribute. */
const leaky: RawFunction = {
  domain: 'mine',
  name: 'leaky',
  inputs: ['x'],
  outputs: ['y'],
  nodes: [
    { op: 'Identity', inputs: ['x'], outputs: ['inner'] },
    { op: 'LeakyRelu', inputs: ['inner'], outputs: ['y'], attributes: { alpha: { float: 0 } } },
  ],
};

/** twice(x) = leaky(leaky(x)): functions call functions. */
const twice: RawFunction = {
  domain: 'mine',
  name: 'twice',
  inputs: ['x'],
  outputs: ['y'],
  nodes: [
    { op: 'leaky', domain: 'mine', inputs: ['x'], outputs: ['inner'], attributes: { slope: { float: 0.5 } } },
    { op: 'leaky', domain: 'mine', inputs: ['inner'], outputs: ['y'] },
  ],
};

const calls: readonly RawNode[] = [
  { op: 'twice', domain: 'mine', inputs: ['x'], outputs: ['inner'] },
  { op: 'leaky', domain: 'mine', inputs: ['inner'], outputs: ['y'], attributes: { slope: { float: 0.25 } } },
];

function file(change: (functions: FunctionProto[]) => void = () => undefined): Uint8Array {
  const raw = { ...rawGraph(['N', 2, 3, 3], calls), functions: [leaky, twice] };
  const proto = fromBinary(ModelProtoSchema, encodeRawModel(raw));
  const [first, second] = proto.functions as [FunctionProto, FunctionProto];
  // A default for the slope is an attribute of the function (IR version 9).
  proto.irVersion = 9n;
  first.attributeProto.push(
    create(AttributeProtoSchema, { name: 'slope', type: AttributeType.FLOAT, f: 0.125 }),
  );
  const alpha = first.node[1]!.attribute[0]!;
  alpha.refAttrName = 'slope';
  alpha.type = AttributeType.FLOAT;
  second.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: 'mine', version: 1n }));
  change(proto.functions);
  return toBinary(ModelProtoSchema, proto);
}

test('model-local functions are inlined, with attributes of the call and defaults', async () => {
  const bytes = file();
  const x = normals(18, seededRng('x'));
  const reference = await runFile(bytes, x, [1, 2, 3, 3]);
  const model = readModel(bytes, 'functions.onnx');
  const slopes = model.graph.nodes.flatMap((n) => (n.op === 'LeakyRelu' ? [n.attributes.alpha] : []));
  expect(slopes).toEqual([0.5, 0.125, 0.25]);
  const y = await predict(model, x, 1, { threads: 1 });
  expect(maximumDifference(y, reference.data)).toBe(0);
});

test('a function that calls itself is refused', () => {
  const bytes = file(([, second]) => (second!.node[0]!.opType = 'twice'));
  expect(() => readModel(bytes, 'endless.onnx')).toThrow(/function twice calls itself/);
});

test('an op of a foreign domain without a function is refused by its name', () => {
  const bytes = file((functions) => functions.splice(0, 1));
  expect(() => readModel(bytes, 'foreign.onnx')).toThrow(/mine\.leaky\): this op is not supported/);
});
