/**
 * Microseconds of the kernels of linear layers and of the SEAL calls whose place they take, alternating in one run: the
 * least of batches of about a millisecond, which fit a scheduler's slice on a shared machine. SEAL has the parameters
 * of protocol version 2, two primes of 47 and 46 bits. Run: npm run bench:linear [-- ROUNDS]. It verifies nothing.
 */
import '../../crypto/platform/node.ts';
import {
  answerBytes,
  batchWeights,
  ciphertextSpace,
  requestCiphertextBytes,
  weightSpace,
} from '../../crypto/he/engine.ts';
import { packedPolynomialBytes } from '../../crypto/he/engine.ts';
import type { Term } from '../../crypto/he/server-engine.ts';
import { createScheme, loadSeal } from '../../crypto/he/seal.ts';
import { checkParams, linearParams } from '../../crypto/params.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import { heSession } from '../helpers/protocol/he.ts';
import { kernelBench } from '../helpers/protocol/linear-kernels.ts';
import { loadPlaintext, pairs } from '../helpers/protocol/seal.ts';

const rounds = Number(process.argv[2] ?? 100);
const n = linearParams.degree;
const former = checkParams({ ...linearParams, name: 'former', primeBits: [47, 46], answerBits: 47 });

type Case = { name: string; run: () => unknown; batch: number; per?: number; before?: () => void };

/** Keys, a request and as many weights as do not fit the caches. */
async function ownCases(): Promise<Record<string, Case>> {
  const bench = kernelBench();
  const { engine } = bench;
  const session = await heSession(systemRng);
  const keys = engine.useKeys(session.checked);
  engine.useSecret(session.secret);
  const message = randomWords(systemRng, n);
  const request = new Uint8Array(requestCiphertextBytes);
  engine.encrypt(message, systemRng, request, 0);
  const seed = request.slice(packedPolynomialBytes);
  const weights = Int32Array.from(message, (word) => (word | 0) >> 22);
  const write = (to: Int32Array) => to.set(weights);
  const [count, outputs] = [24, 64];
  const room = bench.room(outputs * count * weightSpace);
  const inputs = bench.room(count * ciphertextSpace);
  for (let i = 0; i < outputs * count; i++) engine.transform(write, 10, room + i * weightSpace);
  for (let i = 0; i < count; i++) engine.readCiphertext(request, 0, seed, inputs + i * ciphertextSpace);
  const [out, scratch] = [bench.polynomials(6), bench.polynomials(3 * batchWeights)];
  const answer = new Uint8Array(answerBytes);
  const positions = Uint32Array.from({ length: 1024 }, (_, i) => 3 * i);
  engine.answer(out, keys, positions, systemRng, answer, 0);
  let bank = 0;
  const sum = () => {
    const from = room + (bank++ % outputs) * count * weightSpace;
    const terms = Array.from({ length: count }, (_, i): Term => [
      from + i * weightSpace,
      inputs + i * ciphertextSpace,
    ]);
    engine.multiply(terms, out, false);
  };
  return {
    product: { name: 'product and sum, weights from memory', batch: 3, per: count, run: sum },
    weights: { name: 'weights forward', batch: 20, run: () => engine.transform(write, 10, scratch) },
    encryption: {
      name: 'encryption, packed',
      batch: 6,
      run: () => engine.encrypt(message, systemRng, request, 0),
    },
    request: { name: 'request read', batch: 20, run: () => engine.readCiphertext(request, 0, seed, scratch) },
    answer: {
      name: 'answer without products: zero, inverse, share, rounding',
      batch: 4,
      run: () => engine.answer(out, keys, positions, systemRng, answer, 0),
    },
    decryption: {
      name: 'decryption of 1,024 shares',
      batch: 10,
      run: () => engine.decrypt(answer, 0, positions),
    },
  };
}

async function sealCases(): Promise<Record<string, Case>> {
  const scheme = createScheme(await loadSeal(), former, true);
  const { seal, context } = scheme;
  const evaluator = new seal.Evaluator(context);
  const generator = new seal.KeyGenerator(context);
  const secret = generator.secretKey();
  const encryptor = new seal.Encryptor(context, generator.createPublicKey(), secret);
  const decryptor = new seal.Decryptor(context, secret);
  const plain = () => loadPlaintext(scheme, pairs(randomWords(systemRng, n)));
  const message = plain();
  const [cipher, kept, product, sum, zero] = Array.from({ length: 5 }, () => new seal.Ciphertext()) as [
    InstanceType<typeof seal.Ciphertext>,
    InstanceType<typeof seal.Ciphertext>,
    InstanceType<typeof seal.Ciphertext>,
    InstanceType<typeof seal.Ciphertext>,
    InstanceType<typeof seal.Ciphertext>,
  ];
  encryptor.encryptSymmetric(message, kept);
  evaluator.cipherModSwitchToNextInplace(kept);
  encryptor.encryptSymmetric(message, cipher);
  evaluator.cipherTransformToNttInplace(cipher);
  const weights = plain();
  evaluator.plainTransformToNttInplace(weights, context.firstParmsId());
  evaluator.multiplyPlain(cipher, weights, sum);
  const decrypted = new seal.Plaintext();
  let fresh: InstanceType<typeof seal.Plaintext>[] = [];
  const none = seal.ComprModeType.none;
  return {
    product: {
      name: 'multiplyPlain and addInplace',
      batch: 6,
      run: () => {
        evaluator.multiplyPlain(cipher, weights, product);
        evaluator.addInplace(sum, product);
      },
    },
    weights: {
      name: 'plainTransformToNtt',
      batch: 5,
      before: () => {
        for (const used of fresh) used.delete();
        fresh = Array.from({ length: 5 }, plain);
      },
      run: () =>
        evaluator.plainTransformToNttInplace(
          fresh.find((one) => !one.isNttForm())!,
          context.firstParmsId(),
        ),
    },
    encryption: {
      name: 'encryptSymmetric, saved',
      batch: 1,
      run: () => {
        using ciphertext = encryptor.encryptSymmetricSerializable(message);
        ciphertext.saveToArray(none);
      },
    },
    answer: { name: 'encryptZero alone', batch: 1, run: () => encryptor.encryptZero(zero) },
    decryption: { name: 'decrypt', batch: 2, run: () => decryptor.decrypt(kept, decrypted) },
  };
}

const [own, seal] = [await ownCases(), await sealCases()];
const least = new Map<Case, number>();
for (let round = -2; round < rounds; round++) {
  for (const one of [...Object.values(own), ...Object.values(seal)]) {
    one.before?.();
    const start = performance.now();
    for (let i = 0; i < one.batch; i++) one.run();
    const each = (1e3 * (performance.now() - start)) / one.batch / (one.per ?? 1);
    if (round >= 0) least.set(one, Math.min(each, least.get(one) ?? Infinity));
  }
}
for (const [key, one] of Object.entries(own)) {
  const [mine, other] = [least.get(one)!, seal[key]];
  const compared =
    other &&
    `; SEAL, ${other.name}: ${least.get(other)!.toFixed(1)} us; ratio ${(least.get(other)! / mine).toFixed(1)}`;
  console.log(`${one.name}: ${mine.toFixed(1)} us${compared ?? ''}`);
}
process.exit(0);
