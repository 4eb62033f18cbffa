import { expect, test } from 'vitest';
import { hashColumns } from '../../../crypto/ot/column-hash.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { aesEcb } from '../../../crypto/platform/platform.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { seededRng } from '../../helpers/rng.ts';

const ring = await loadRing();
const xor = (a: Uint8Array, b: Uint8Array) => Uint8Array.from(a, (byte, i) => byte ^ b[i]!);

const ghash = nodePlatform.ghash!;

test('ghash: a published tag, and linear but for a constant', () => {
  // SP 800-38D's GCM specification (McGrew, Viega), test case 1: key and nonce zero, no data.
  const hex = Buffer.from(ghash(new Uint8Array(16), new Uint8Array())).toString('hex');
  expect(hex).toBe('58e2fccefa7e3061367f1d57a4e7455a');
  const rng = seededRng('ghash');
  const key = rng.bytes(16);
  const [a, b] = [rng.bytes(80), rng.bytes(80)];
  const zero = ghash(key, new Uint8Array(80));
  expect(ghash(key, xor(a, b))).toEqual(xor(xor(ghash(key, a), ghash(key, b)), zero));
});

test('hashColumns: the kernel for short columns and OpenSSL for long ones are one function, and linear', () => {
  const rng = seededRng('columns');
  const key = rng.bytes(16);
  for (const bytes of [16, 80, 2048, 4096]) {
    const columns = rng.bytes(3 * bytes);
    const one = (j: number) => columns.subarray(j * bytes, (j + 1) * bytes);
    const byGcm = [0, 1, 2].map((j) => xor(ghash(key, one(j)), ghash(key, new Uint8Array(bytes))));
    expect(hashColumns(key, columns, 3, ring)).toEqual(new Uint8Array(byGcm.flatMap((hash) => [...hash])));
    expect(ring.ghash(aesEcb(key)(new Uint8Array(16)), columns, 3)).toEqual(
      hashColumns(key, columns, 3, ring),
    );
    const sum = hashColumns(key, xor(one(0), one(1)), 1, ring);
    expect(sum).toEqual(xor(byGcm[0]!, byGcm[1]!));
  }
});
