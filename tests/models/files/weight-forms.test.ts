import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ModelProtoSchema, TensorProto_DataType as DataType } from '../../../models/onnx/onnx_pb.js';
import type { TensorProto } from '../../../models/onnx/onnx_pb.js';
import { loadModel, readModel } from '../../../models/files/read.ts';
import { floats, rawModel, withExternalData } from '../../helpers/networks/onnx.ts';

const shape = [4, 6, 6];

describe('weights in every form of ONNX', () => {
  const values = [1.5, -0.25, 3, 0, 2 ** -14, -65504, 0.5, 8, 1, 2, 3, 4, -5, 6, 7, 8];
  const half = [0x3e00, 0xb400, 0x4200, 0, 0x0400, 0xfbff, 0x3800, 0x4800].concat([
    0x3c00, 0x4000, 0x4200, 0x4400, 0xc500, 0x4600, 0x4700, 0x4800,
  ]);
  const raw = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const forms: Record<string, (t: TensorProto) => void> = {
    float_data: (t) => (t.floatData = values),
    double_data: (t) => ((t.dataType = DataType.DOUBLE), (t.doubleData = values)),
    'raw doubles': (t) => ((t.dataType = DataType.DOUBLE), (t.rawData = raw(Float64Array.from(values)))),
    'half floats in int32_data': (t) => ((t.dataType = DataType.FLOAT16), (t.int32Data = half)),
    'raw half floats': (t) => ((t.dataType = DataType.FLOAT16), (t.rawData = raw(Uint16Array.from(half)))),
  };
  const brain = Uint16Array.from(values, (v) => new Uint32Array(Float32Array.of(v).buffer)[0]! >>> 16);
  test('raw bfloat16: the upper half of a float32', () => {
    const weights = floats('w', [4, 4, 1, 1]);
    const bytes = rawModel(['N', ...shape], [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }], [weights]);
    const proto = fromBinary(ModelProtoSchema, bytes);
    Object.assign(proto.graph!.initializer[0]!, { dataType: DataType.BFLOAT16, rawData: raw(brain) });
    const read = readModel(toBinary(ModelProtoSchema, proto), 'forms.onnx').weights.get('w')!.data;
    // -65504 has 11 significant bits, bfloat16 has 8: cut off, not rounded, by the conversion above
    expect([...read]).toEqual(values.map((v) => (v === -65504 ? -65280 : v)));
  });
  test.each(Object.entries(forms))('%s', (_name, change) => {
    const weights = floats('w', [4, 4, 1, 1]);
    const bytes = rawModel(['N', ...shape], [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }], [weights]);
    const proto = fromBinary(ModelProtoSchema, bytes);
    const tensor = proto.graph!.initializer[0]!;
    tensor.rawData = new Uint8Array();
    change(tensor);
    const model = readModel(toBinary(ModelProtoSchema, proto), 'forms.onnx');
    expect([...model.weights.get('w')!.data]).toEqual(values);
  });
});

describe('external data', () => {
  const weights = floats('w', [4, 4, 1, 1]);
  const whole = rawModel(['N', ...shape], [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }], [weights]);
  const { data } = withExternalData(whole, 'any');

  const folder = mkdtempSync(join(tmpdir(), 'external-'));
  const path = join(folder, 'model', 'net.onnx');
  mkdirSync(join(folder, 'model'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Reads the model whose weights are at a place of a file. */
  async function readWith(location: string, at: number) {
    await writeFile(path, withExternalData(whole, location, at).model);
    return (await loadModel(path)).weights.get('w')!.data;
  }

  test('it is read beside the file and nowhere else', async () => {
    const later = Buffer.concat([Buffer.alloc(8), data]);
    await writeFile(join(folder, 'model', 'weights.bin'), later);
    await writeFile(join(folder, 'outside.bin'), later);
    expect(await readWith('weights.bin', 8)).toEqual(weights.data);
    await expect(readWith('../outside.bin', 8)).rejects.toThrow(
      /external data file \.\.\/outside\.bin is missing/,
    );
  });

  test('a file of more than 2 GiB, which Node does not read at once, is read where the weights are', async () => {
    const at = 3 * 2 ** 30;
    const file = await open(join(folder, 'model', 'long.bin'), 'w');
    await file.write(data, 0, data.length, at); // The system keeps no place for the zeros before.
    await file.close();
    expect(await readWith('long.bin', at)).toEqual(weights.data);
    await expect(readWith('long.bin', at + 1)).rejects.toThrow(/its range lies outside the file long\.bin/);
  });

  test('what is no file is not waited for, and the reason is told', async () => {
    execFileSync('mkfifo', [join(folder, 'model', 'pipe')]);
    await mkdir(join(folder, 'model', 'below'));
    for (const name of ['pipe', 'below'])
      await expect(readWith(name, 0)).rejects.toThrow(`external data file ${name} is not a file`);
    await expect(readWith('weights.bin/none', 0)).rejects.toThrow(/none cannot be read \(ENOTDIR/);
  });
});
