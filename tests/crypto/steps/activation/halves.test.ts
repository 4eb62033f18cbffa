import { expect, test } from 'vitest';
import type { KeyPairs as Pairs } from '../../../../crypto/ot/transfers.ts';
import { open, share } from '../../../../crypto/share.ts';
import { clientRelu, serverRelu, serverReluMessage } from '../../../../crypto/steps/activation/relu.ts';
import { clientSquare, serverSquare } from '../../../../crypto/steps/activation/square.ts';
import { randomWords } from '../../../../src/shared/random.ts';
import { seededRng } from '../../../helpers/rng.ts';
import { sixSigma, wordsZ } from '../../../helpers/statistics.ts';

const count = 20_000;

/** The pure halves of ReLU and square, with dealt transfers and products, without the sign test. */
test('ReLU: y = (e_C xor e_S) x for every combination of bits, over uniform shares', () => {
  const rng = seededRng('relu halves');
  const x = new Int32Array(randomWords(rng, count).buffer);
  const bits = () => rng.bytes(count).map((byte) => byte & 1);
  const [eC, eS, b] = [bits(), bits(), bits()];
  const shares = share(x, rng);
  const pick = ({ k0, k1 }: Pairs, choices: Uint8Array) => k0.map((k, i) => (choices[i] === 0 ? k : k1[i]!));
  const offered = { k0: randomWords(rng, count), k1: randomWords(rng, count) };
  const pairs = { k0: randomWords(rng, count), k1: randomWords(rng, count) };
  const state = { b, kb: pick(offered, b), pairs };

  const d2 = serverReluMessage(shares.server, eS, offered);
  const reply = clientRelu(state, shares.client, eC, d2);
  const y = serverRelu(shares.server, eS, offered.k0, pick(pairs, eS), reply.c, reply.d3);
  expect(open(reply.share, y)).toEqual(x.map((value, i) => (eC[i]! ^ eS[i]!) * value));
  for (const sent of [d2, reply.d3]) expect(wordsZ(sent)).toBeLessThan(sixSigma);
});

test('a square is sign z^2 mod 2^32', () => {
  const rng = seededRng('square halves');
  const z = new Int32Array(randomWords(rng, count).buffer).map((word) => word >> 16);
  const sign = z.map((_, i) => (i % 2 === 0 ? 1 : -1));
  const shares = share(z, rng);
  const [u, a] = [randomWords(rng, count), randomWords(rng, count)];
  const products = share(new Int32Array(u.map((word, i) => Math.imul(word, a[i]!)).buffer), rng);
  const d = shares.server.map((word, i) => word - a[i]!);
  const e = shares.client.map((word, i) => word - u[i]!);
  const yC = clientSquare(shares.client, { u, product: products.client }, d, sign);
  const yS = serverSquare(shares.server, { a, product: products.server }, e, sign);
  expect(open(yC, yS)).toEqual(z.map((value, i) => sign[i]! * value * value));
});
