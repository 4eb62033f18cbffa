import { describe, expect, test } from 'vitest';
import { browserPlatform } from '../../../crypto/platform/browser.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { prg } from '../../../crypto/prg.ts';
import { seededRng } from '../../helpers/rng.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));

const plain = hex(
  '6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51' +
    '30c81c46a35ce411e5fbc1191a0a52ef f69f2445df4f9b17ad2b417be66c3710',
);
const key = hex('2b7e151628aed2a6abf7158809cf4f3c');
const inBrowsers = await browserPlatform(nodePlatform.readWasm);

describe.each([
  ['Node', nodePlatform],
  ['a browser', inBrowsers],
])('the platform of %s', (_, { aesEcb, aesCtr, sha256 }) => {
  test('AES-128 gives the block of FIPS-197, appendix C.1', () => {
    const encrypt = aesEcb(hex('000102030405060708090a0b0c0d0e0f'));
    expect([...encrypt(hex('00112233445566778899aabbccddeeff'))]).toEqual([
      ...hex('69c4e0d86a7b0430d8cdb78070b4c55a'),
    ]);
  });

  test('ECB gives the blocks of SP 800-38A, F.1.1, whole and in pieces', () => {
    const expected = hex(
      '3ad77bb40d7a3660a89ecaf32466ef97 f5d3d58503b9699de785895a96fdbaaf' +
        '43b1cd7f598ece23881b00e3ed030688 7b0c785e27e8ad3f8223207104725dd4',
    );
    const encrypt = aesEcb(key);
    expect([...encrypt(plain)]).toEqual([...expected]);
    expect([...encrypt(plain.subarray(16, 48))]).toEqual([...expected.subarray(16, 48)]);
    const place = new Uint8Array(plain);
    expect(encrypt(place.subarray(16, 48), place.subarray(16, 48))).toEqual(expected.subarray(16, 48));
    expect([...place.subarray(0, 48)]).toEqual([...plain.subarray(0, 16), ...expected.subarray(16, 48)]);
  });

  test('CTR gives the blocks of SP 800-38A, F.5.1, whole and in pieces', () => {
    const cipher = hex(
      '874d6191b620e3261bef6864990db6ce 9806f66b7970fdff8617187bb9fffdff' +
        '5ae4df3edbd5d35e5b4f09020db03eab 1e031dda2fbe03d1792170a0f3009cee',
    );
    const expected = [...cipher.map((byte, i) => byte ^ plain[i]!)];
    const counter = hex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
    expect([...aesCtr(key, counter)(64)]).toEqual(expected);
    const stream = aesCtr(key, counter);
    expect([5, 16, 1, 42].flatMap((n) => [...stream(n)])).toEqual(expected);
  });

  test('SHA-256 of abc, in one part and in three (FIPS 180-4)', () => {
    const expected = [...hex('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')];
    const bytes = (text: string) => new TextEncoder().encode(text);
    expect([...sha256(bytes('abc'))]).toEqual(expected);
    expect([...sha256(bytes('a'), bytes(''), bytes('bc'))]).toEqual(expected);
  });

  test('ECB takes whole blocks only, and room of their length', () => {
    expect(() => aesEcb(key)(new Uint8Array(17))).toThrow(RangeError);
    for (const bytes of [16, 48]) {
      expect(() => aesEcb(key)(new Uint8Array(32), new Uint8Array(bytes))).toThrow(RangeError);
    }
  });
});

test("a browser's AES gives the bytes of OpenSSL: random keys, lengths and pieces, two ciphers in turn", () => {
  const rng = seededRng('aes');
  for (let t = 0; t < 60; t++) {
    const [one, other] = [rng.bytes(16), rng.bytes(16)];
    const blocks = rng.bytes(16 * (t + 1));
    const [mine, theirs] = [inBrowsers.aesEcb(one), nodePlatform.aesEcb(one)];
    inBrowsers.aesEcb(other)(blocks);
    expect([...mine(blocks)]).toEqual([...theirs(blocks)]);
    const counter = rng.bytes(16);
    const streams = [inBrowsers, nodePlatform].map(({ aesCtr }) => aesCtr(other, counter));
    for (const n of [16, 5, 0, 100, 4096, 3, 33]) expect([...streams[0]!(n)]).toEqual([...streams[1]!(n)]);
  }
});

test('a counter carries into its high half, within eight blocks and after them', () => {
  for (const last of [0xfe, 0xfc, 0xf8]) {
    for (const first of [0x00, 0xff]) {
      const counter = new Uint8Array(16).fill(first, 0, 8).fill(0xff, 8);
      counter[15] = last;
      const streams = [inBrowsers, nodePlatform].map(({ aesCtr }) => aesCtr(key, counter));
      for (const n of [32, 100, 64]) expect([...streams[0]!(n)]).toEqual([...streams[1]!(n)]);
    }
  }
});

test('ten million bytes at once, for which the memory grows', () => {
  const [mine, theirs] = [inBrowsers, nodePlatform].map(({ aesCtr }) => aesCtr(key, new Uint8Array(16))(1e7));
  expect(Buffer.compare(mine!, theirs!)).toBe(0);
});

test('the generator is the CTR key stream from zero, in fresh buffers at offset 0', () => {
  const rng = prg(key);
  const [first, second] = [rng.bytes(20), rng.bytes(300_000)];
  expect(first.byteOffset).toBe(0);
  expect(first.buffer.byteLength).toBe(20);
  const stream = nodePlatform.aesCtr(key, new Uint8Array(16))(300_020);
  expect(Buffer.compare(Buffer.concat([first, second]), stream)).toBe(0);
  expect(Buffer.compare(prg(hex('2b7e151628aed2a6abf7158809cf4f3d')).bytes(20), first)).not.toBe(0);
});
