import { expect, test } from 'vitest';
import { hashColumns } from '../../../crypto/ot/column-hash.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { aesEcb } from '../../../crypto/platform/platform.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { seededRng } from '../../helpers/rng.ts';

const columns = await loadColumns();
const xor = (a: Uint8Array, b: Uint8Array) => Uint8Array.from(a, (byte, i) => byte ^ b[i]!);

const ghash = (key: Uint8Array, data: Uint8Array) => nodePlatform.ghash!(key, [data]);

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
    const data = rng.bytes(3 * bytes);
    const one = (j: number) => data.subarray(j * bytes, (j + 1) * bytes);
    const byGcm = [0, 1, 2].map((j) => xor(ghash(key, one(j)), ghash(key, new Uint8Array(bytes))));
    expect(hashColumns(key, data, 3, columns)).toEqual(new Uint8Array(byGcm.flatMap((hash) => [...hash])));
    expect(columns.ghash(aesEcb(key)(new Uint8Array(16)), bytes).ofRuns(data)).toEqual(
      hashColumns(key, data, 3, columns),
    );
    const sum = hashColumns(key, xor(one(0), one(1)), 1, columns);
    expect(sum).toEqual(xor(byGcm[0]!, byGcm[1]!));
  }
});
