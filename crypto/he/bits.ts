/**
 * Packing of residues for the wire. Each residue takes as many bits as its prime has, low bit first, and each
 * polynomial is rounded up to whole bytes. In memory a residue is two u32 words, low word first, as SEAL
 * stores it.
 */

/** Writes `count` residues of at most 48 bits, from words[2 first] on, and returns the offset after them. */
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
    // A residue is added in two parts of at most 24 bits: with fewer than 8 bits pending, each part fits 32
    // bits.
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
 * Reads `count` residues of at most 48 bits into `words`, from words[2 first] on. Returns false when a
 * residue is not below `modulus` or an unused bit of the last byte is set; the caller knows the message and
 * throws.
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
    // There are never more than 7 + 24 bits pending.
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
