import { algebraic } from './algebraic.ts';
import { bjmm, pooledGauss, statisticalDecoding, sternDumer } from './decoding.ts';
import { hybrid } from './hybrid.ts';
import { byEnumeration, byPermutations, byRepresentations } from './regular.ts';

/** log2 of the operations of each attack on learning parity with regular noise over F_2, by its name. */
export function estimates(samples: number, secret: number, errors: number): Record<string, number> {
  // Each block of regular noise gives an equation.
  const asExact = [samples - errors, secret - errors, errors] as const;
  const regular = [samples, secret, errors] as const;
  const { agb, agb2 } = algebraic(...regular);
  return {
    'information set decoding, BJMM (ePrint 2022/712)': bjmm(...asExact),
    'information set decoding, Stern-Dumer (2022/712)': sternDumer(...asExact),
    'pooled Gauss (2022/712)': pooledGauss(...asExact),
    'statistical decoding (2022/712)': statisticalDecoding(...asExact),
    'hybrid for regular noise (2025/1284)': hybrid(...regular),
    'regular decoding by enumeration (2023/1568)': byEnumeration(...regular),
    'regular decoding by representations, depth 2 (2023/1568)': byRepresentations(...regular),
    'regular decoding by permutations (2023/1568)': byPermutations(...regular),
    'algebraic, AGB 2.0 (2025/1476)': agb2,
    'algebraic, AGB (2023/176)': agb,
  };
}
