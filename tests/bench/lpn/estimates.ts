/**
 * Bits of learning parity with noise over F_2 with regular noise, for the parameters of silent transfers, for
 * smaller ones that the program had, and for some of others: log2 of the operations of each attack that
 * docs/security.md lists, by the formulas that the files of this folder cite. Memory costs nothing in them.
 * Run: npm run estimate:lpn [-- SAMPLES,SECRET,ERRORS ...]
 */
import { rowsOf, silentSets } from '../../../crypto/ot/silent-sets.ts';
import { estimates } from './attacks.ts';

type Case = readonly [name: string, samples: number, secret: number, errors: number];

const own: readonly Case[] = (['s16', 'testInsecure'] as const).map((set) => [
  set,
  rowsOf(set),
  silentSets[set].secret,
  silentSets[set].trees,
]);
const known: readonly Case[] = [
  ['2^14, depth 8', 384 * 2 ** 8, 2 ** 14, 384],
  ['2^15, depth 9', 560 * 2 ** 9, 2 ** 15, 560],
  // Of others. By emp-ot's tuning.h (May 2026) the hybrid attack takes 128.7, 128.2 and 128.2 bits on b10,
  // b11 and b13.
  ['emp-ot b10, 2026', 850 * 2 ** 10, 2 ** 16, 850],
  ['emp-ot b11, 2026', 1170 * 2 ** 11, 2 ** 17, 1170],
  ['emp-ot, 2020', 10_608_640, 589_824, 1295],
];
const given = process.argv.slice(2).map((text): Case => {
  const [samples, secret, errors] = text.split(',').map(Number) as [number, number, number];
  return [text, samples, secret, errors];
});

for (const [name, ...parameters] of given.length > 0 ? given : [...own, ...known]) {
  const [samples, secret, errors] = parameters;
  console.log(`${name}: ${samples} samples, secret of ${secret}, ${errors} errors`);
  const found = Object.entries(estimates(...parameters)).sort(([, a], [, b]) => a - b);
  for (const [attack, bits] of found) console.log(`  ${bits.toFixed(1).padStart(6)}  ${attack}`);
}
