/**
 * Residues on the wire: each in as many bits as its prime has, low bit first, whole bytes a polynomial. In memory a residue is two
 * u32 words, low first, as SEAL stores it.
 */

/** Bytes of `count` residues of `bits` bits. */
export function packedBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 8);
}

/** Writes residues words[2 first ...], at most 48 bits each, and returns the offset after them. */
export function packResidues(
  words: Uint32Array,
  first: number,
  count: number,
  bits: number,
  out: Uint8Array,
  at: number,
): number {
  const lowBits = Math.min(bits, 24);
  const highBits = bits - lowBits;
  let pending = 0;
  let filled = 0;
  for (let i = 2 * first; i < 2 * (first + count); i += 2) {
    const low = words[i]!;
    // Two parts of at most 24 bits: with fewer than 8 pending they stay within 32.
    pending |= (low & 0xffffff) << filled;
    for (filled += lowBits; filled >= 8; filled -= 8) {
      out[at++] = pending;
      pending >>>= 8;
    }
    if (highBits === 0) continue;
    pending |= ((low >>> 24) | (words[i + 1]! << 8)) << filled;
    for (filled += highBits; filled >= 8; filled -= 8) {
      out[at++] = pending;
      pending >>>= 8;
    }
  }
  if (filled > 0) out[at++] = pending;
  return at;
}

/**
 * Reads `count` residues of `bits` bits, 48 at most, into words[2 first ...]. False where one is not below `modulus` or where an
 * unused bit of the last byte is set: the caller names what it was.
 */
export function unpackResidues(
  bytes: Uint8Array,
  at: number,
  count: number,
  bits: number,
  modulus: number,
  words: Uint32Array,
  first: number,
): boolean {
  const lowBits = Math.min(bits, 24);
  const highBits = bits - lowBits;
  const lowMask = 2 ** lowBits - 1;
  const highMask = 2 ** highBits - 1;
  let pending = 0;
  let filled = 0;
  let valid = true;
  for (let i = 2 * first; i < 2 * (first + count); i += 2) {
    // Never more than 7 + 24 bits pending.
    for (; filled < lowBits; filled += 8) pending |= bytes[at++]! << filled;
    const low = pending & lowMask;
    pending >>>= lowBits;
    filled -= lowBits;
    for (; filled < highBits; filled += 8) pending |= bytes[at++]! << filled;
    const high = pending & highMask;
    pending >>>= highBits;
    filled -= highBits;
    words[i] = low | (high << 24);
    words[i + 1] = high >>> 8;
    if (high * 0x1000000 + low >= modulus) valid = false;
  }
  return valid && pending === 0;
}
