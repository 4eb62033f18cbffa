import { readFileSync, realpathSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { basename, dirname, resolve, sep } from 'node:path';
import { ModelError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import { Refusal } from '../refusal.ts';
import type { ExternalData } from '../onnx/decode-tensor.ts';
import { decodeFile } from '../onnx/decode.ts';
import { GraphReader } from './graph-reader.ts';
import type { UnsupportedNode } from './graph-reader.ts';
import { resolveModel } from '../zoo/index.ts';

export type ReadReport = {
  /** undefined where a node is not supported. */
  readonly model: Model | undefined;
  readonly unsupported: readonly UnsupportedNode[];
};

/**
 * A network from the bytes of an .onnx file, opset 13 to 22. `fileName` is for messages; `external` gives the bytes of files
 * beside it. Throws ModelError for a file that is broken, and one that lists every unsupported node with its reason.
 */
export function readModel(bytes: Uint8Array, fileName: string, external: ExternalData = none): Model {
  const { model, unsupported } = readReport(bytes, fileName, external);
  if (model !== undefined) return model;
  const lines = unsupported.map(({ name, op, reason }) => `  ${name} (${op}): ${reason}`);
  const count = unsupported.length === 1 ? '1 node is' : `${unsupported.length} nodes are`;
  throw new ModelError(`${fileName}: ${count} not supported:\n${lines.join('\n')}`);
}

/** As readModel, but unsupported nodes are reported and not thrown. Throws ModelError for a file that is broken. */
export function readReport(bytes: Uint8Array, fileName: string, external: ExternalData = none): ReadReport {
  try {
    return new GraphReader(decodeFile(bytes, external)).read();
  } catch (error) {
    if (error instanceof ModelError || error instanceof Refusal)
      throw new ModelError(`${fileName}: ${error.message}`);
    throw error;
  }
}

/**
 * A network from an .onnx file, opset 13 to 22, and the external data beside it; or by name from those that come with the package, such
 * as 'zoo:fashion-resnet8'. Throws ModelError for a file that cannot be read, is broken or has nodes that are not supported, each with
 * its reason; UsageError for a name that the zoo does not have.
 */
export async function loadModel(nameOrPath: string): Promise<Model> {
  const path = resolveModel(nameOrPath);
  return readModel(await readOnnxFile(path), basename(path), filesBeside(path));
}

/** As loadModel, but unsupported nodes are reported and not thrown. */
export async function loadReport(path: string): Promise<ReadReport> {
  return readReport(await readOnnxFile(path), basename(path), filesBeside(path));
}

/** A file's bytes; one that is too long or begins as no protobuf file does is refused unread. */
async function readOnnxFile(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > largestFile)
        throw new ModelError(
          `${path}: expected at most 2 GiB, which is what protobuf can hold, got ${(size / 2 ** 30).toFixed(1)} GiB; keep the weights as external data`,
        );
      const { buffer, bytesRead } = await file.read(new Uint8Array(1), 0, 1, 0);
      if (bytesRead === 1 && buffer[0]! >> 3 === 0)
        throw new ModelError(`${path}: it is not an ONNX file: its first byte is no protobuf tag`);
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

const none: ExternalData = () => undefined;

/** Files in the model's own folder or below; a location that leads out of it does not exist. */
export function filesBeside(path: string): ExternalData {
  const files = new Map<string, Uint8Array>();
  return (location) => {
    try {
      const folder = realpathSync(dirname(resolve(path)));
      const file = realpathSync(resolve(folder, location));
      if (!file.startsWith(folder + sep)) return undefined;
      const bytes = files.get(file) ?? readFileSync(file);
      files.set(file, bytes);
      return bytes;
    } catch {
      return undefined;
    }
  };
}
