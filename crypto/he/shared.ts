/**
 * Arrays in memory that all threads of a pool see, so that passing one to a worker copies nothing. `share...`
 * copies into such memory, `own...` copies out of it.
 */
function sharedBytes(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

function sharedWords(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(4 * length));
}

export function shareBytes(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const shared = sharedBytes(bytes.length);
  shared.set(bytes);
  return shared;
}

export function shareWords(words: Uint32Array): Uint32Array<SharedArrayBuffer> {
  const shared = sharedWords(words.length);
  shared.set(words);
  return shared;
}

export function sharedSigned(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/** Weights that are in such memory stay where they are. */
export function shareWeights(weights: Int32Array): Int32Array<SharedArrayBuffer> {
  if (!(weights.buffer instanceof ArrayBuffer)) return weights as Int32Array<SharedArrayBuffer>;
  const shared = sharedSigned(weights.length);
  shared.set(weights);
  return shared;
}

export function ownBytes(shared: Uint8Array): Uint8Array<ArrayBuffer> {
  const own = new Uint8Array(shared.length);
  own.set(shared);
  return own;
}
