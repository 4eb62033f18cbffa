import { open, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { ModelError } from '../../src/shared/errors.ts';
import type { Model, Pair } from '../graph.ts';
import { twoLogits } from '../passes/two-logits.ts';
import { Refusal } from '../refusal.ts';
import type { ExternalData } from '../onnx/decode-tensor.ts';
import { decodeFile } from '../onnx/decode.ts';
import { mixedDomain } from '../ops/activations/mixed-activation.ts';
import { filesBeside, nothingBeside } from './files-beside.ts';
import { howToExport } from './foreign-files.ts';
import { GraphReader } from './graph-reader.ts';
import type { ReadReport, UnsupportedNode } from './graph-reader.ts';
import { resolveModel } from '../zoo/index.ts';

export type { ReadReport, UnsupportedNode };

export type ReadOptions = {
  /** [height, width] of images, for a file that leaves them open (default: such a file is refused). */
  readonly size?: Pair;
};

/**
 * Reads a network from the bytes of an .onnx file, opset 7 to 23. One logit becomes two (see `twoLogits`).
 * `fileName` is used in messages; `external` finds files beside it (default: there are none).
 * Throws ModelError for a broken file, and a ModelError that lists every unsupported node with its reason.
 */
export function readModel(
  bytes: Uint8Array,
  fileName: string,
  external: ExternalData = nothingBeside,
  options: ReadOptions = {},
): Model {
  const { model, unsupported } = readReport(bytes, fileName, external, options);
  if (model !== undefined) return twoLogits(model);
  const lines = unsupported.map(({ name, op, reason }) => `  ${name} (${op}): ${reason}`);
  const count = unsupported.length === 1 ? '1 node is' : `${unsupported.length} nodes are`;
  throw new ModelError(`${fileName}: ${count} not supported:\n${lines.join('\n')}`);
}

/**
 * Like readModel, but returns the unsupported nodes instead of throwing. Throws ModelError for a broken file.
 */
export function readReport(
  bytes: Uint8Array,
  fileName: string,
  external: ExternalData = nothingBeside,
  options: ReadOptions = {},
): ReadReport {
  try {
    return new GraphReader(decodeFile(bytes, external, { ...options, kept: mixedDomain })).read();
  } catch (error) {
    if (error instanceof ModelError || error instanceof Refusal)
      throw new ModelError(`${fileName}: ${error.message}`);
    throw error;
  }
}

/**
 * Reads a network from an .onnx file, opset 7 to 23, with the external data beside it, or from the package
 * by a name such as 'zoo:fashion-resnet8'. Throws ModelError for a file that cannot be read, is broken or has
 * unsupported nodes (it lists each with its reason), and UsageError for a name that the zoo does not have.
 */
export async function loadModel(nameOrPath: string, options: ReadOptions = {}): Promise<Model> {
  const path = resolveModel(nameOrPath);
  return readModel(await readOnnxFile(path), basename(path), filesBeside(path), options);
}

/** Like loadModel, but returns the unsupported nodes instead of throwing, and takes only a path. */
export async function loadReport(path: string, options: ReadOptions = {}): Promise<ReadReport> {
  return readReport(await readOnnxFile(path), basename(path), filesBeside(path), options);
}

/**
 * Reads the bytes of a model file, without data beside it. Throws ModelError if it cannot be read, is too
 * long, or does not begin like a protobuf file.
 */
export async function readOnnxFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > largestFile)
        throw new ModelError(
          `${path}: expected at most 2 GiB, which is what protobuf can hold, ` +
            `got ${(size / 2 ** 30).toFixed(1)} GiB; keep the weights as external data`,
        );
      const { buffer, bytesRead } = await file.read(new Uint8Array(4), 0, 4, 0);
      const advice = howToExport(buffer);
      if (advice !== undefined) throw new ModelError(`${path}: ${advice}`);
      if (bytesRead > 0 && buffer[0]! >> 3 === 0)
        throw new ModelError(`${path}: it is not an ONNX file: its first byte is not a protobuf tag`);
      return await readFile(path);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ModelError) throw error;
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new ModelError(`${path}: ${code === 'ENOENT' ? 'no such model file' : `cannot be read (${code})`}`);
  }
}

const largestFile = 2 ** 31 - 1;
