import { constants } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readImage } from '../../../../models/data/images/image.ts';
import { parseNpy } from '../../../../models/data/forms/npy.ts';
import { sizeOf } from '../../../../models/tensor.ts';
import type { Session } from '../../../client.ts';
import { defined } from '../../../shared/defined.ts';
import { DataError } from '../../../shared/errors.ts';
import { inTemporaryFolder } from '../../../shared/files.ts';
import * as format from '../../../shared/format.ts';

/** The first bytes of a .npy file. */
const npyMagic = '\x93NUMPY';

/**
 * The pixels of a picture file or of a NumPy array [C, H, W], as `session.infer` takes them. Throws DataError
 * for anything else.
 */
export async function pixelsOf(body: Uint8Array, session: Session): Promise<Float32Array> {
  const start = Buffer.from(body.subarray(0, npyMagic.length)).toString('latin1');
  return start === npyMagic ? arrayPixels(body, session) : picturePixels(body, session);
}

/** Bytes are pixels from 0 to 255, floats are those from 0 to 1. */
function arrayPixels(body: Uint8Array, { inputShape }: Session): Float32Array {
  const { shape, type, data } = parseNpy(body, 'array');
  const sizes = shape.length === inputShape.length + 1 && shape[0] === 1 ? shape.slice(1) : shape;
  if (sizes.join() !== inputShape.join()) {
    const got = shape.length === 0 ? 'a number' : format.shape(shape);
    throw new DataError(`array: expected ${format.shape(inputShape)}, got ${got}`);
  }
  if (type !== 'u1' && !type.startsWith('f'))
    throw new DataError(`array: expected bytes or floats, got ${type}`);
  const scale = type === 'u1' ? 255 : 1;
  return Float32Array.from({ length: sizeOf(inputShape) }, (_, i) => Number(data[i]) / scale);
}

/**
 * The decoder reads files. They are in memory where the system has a folder for that, and in one of our own.
 */
async function picturePixels(body: Uint8Array, { inputShape, plan }: Session): Promise<Float32Array> {
  return inTemporaryFolder(join(await temporaryFolder(), 'reluctant-'), async (folder) => {
    const file = join(folder, 'picture');
    try {
      await writeFile(file, body, { mode: 0o600 });
      return await readImage(file, inputShape, defined({ shorterSide: plan.preprocessing?.resize }));
    } catch (error) {
      if (error instanceof DataError) throw new DataError(error.message.replace(file, 'picture'));
      throw error;
    }
  });
}

async function temporaryFolder(): Promise<string> {
  const inMemory = '/dev/shm';
  const isThere = await access(inMemory, constants.W_OK).then(
    () => true,
    () => false,
  );
  return isThere ? inMemory : tmpdir();
}
