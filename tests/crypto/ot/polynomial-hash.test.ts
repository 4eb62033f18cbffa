import { expect, test } from 'vitest';
import { createCipheriv } from 'node:crypto';
import { alpha, fieldOf, ofField, times } from '../../../crypto/ot/field.ts';
import { hashByKernel, hashOfOnes, polynomialHash } from '../../../crypto/ot/polynomial-hash.ts';
import { aesEcb } from '../../../crypto/platform/platform.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { seededRng } from '../../helpers/rng.ts';
const columns = await loadColumns();

test('the polynomial hash is GHASH, by the platform and by the kernel, in one part or in several', () => {
  const rng = seededRng('hash');
  const key = rng.bytes(16);
  const data = rng.bytes(16 * 12);
  const h = fieldOf(aesEcb(key)(new Uint8Array(16)));
  let direct = 0n;
  for (let at = 0; at < data.length; at += 16) {
    direct = times(direct ^ fieldOf(data.subarray(at, at + 16)), h);
  }
  direct = times(direct, h);
  const parts = [0, 1, 2].map((i) => data.subarray(64 * i, 64 * (i + 1)));
  expect(fieldOf(hashByKernel(columns, key, data.length, [data]))).toBe(direct);
  expect(fieldOf(hashByKernel(columns, key, 64, parts))).toBe(direct);
  expect(fieldOf(polynomialHash(columns, key, 64, parts))).toBe(direct);
});

test('the hash of ones is that of the parts which hold them', () => {
  const key = seededRng('ones').bytes(16);
  const places = [[0, 99], [], [7, 64, 8]];
  const parts = places.map((own) => {
    const part = new Uint8Array(16 * 100);
    for (const place of own) part[16 * place] = 0x80;
    return part;
  });
  expect(hashOfOnes(columns, key, 1600, places)).toEqual(polynomialHash(columns, key, 1600, parts));
});

test('the field is that of GCM', () => {
  // SP 800-38D, test case 2: H = AES_0(0), C = AES_0(inc(J0)) of zeros; GHASH of one block is known.
  const h = createCipheriv('aes-128-ecb', Buffer.alloc(16), null).update(Buffer.alloc(16));
  const c = Buffer.from('0388dace60b6a392f328c2b971b2fe78', 'hex');
  const lengths = Buffer.from('00000000000000000000000000000080', 'hex');
  const x1 = times(fieldOf(c), fieldOf(h));
  const ghash = times(x1 ^ fieldOf(lengths), fieldOf(h));
  expect(Buffer.from(ofField(x1)).toString('hex')).toBe('5e2ec746917062882c85b0685353deb7');
  expect(Buffer.from(ofField(ghash)).toString('hex')).toBe('f38cbb1ad69223dcc3457ae5b6b0f885');
  expect(alpha(1n)).toBe(0xe1n << 120n);
});
