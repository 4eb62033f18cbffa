import type { MachineCosts } from './machine-costs.ts';

/** What `reluctant bench machine` measured on the machine that the README's figures come from; used where nobody has measured. */
export const defaultMachine: MachineCosts = {
  machine: 'AMD EPYC',
  date: '2026-11-23',
  cores: 2,
  linear: {
    encryptInput: 0.00179,
    decryptOutput: 0.000717,
    transformWeight: 0.000488,
    layer: 0.000127,
    readInput: 0.000525,
    product: 0.000224,
    respondOutput: 0.00295,
  },
  squares: { encrypt: 0.00683, respond: 0.0155, decrypt: 0.00499 },
  activation: {
    offer: { relu: 1.25e-7, wire: 1.91e-8, affine: 7.57e-8, square: 7.28e-8 },
    garble: { relu: 3.35e-7, wire: 1.65e-7, affine: 5.29e-8, square: 5.1e-8 },
    take: { relu: 4.81e-8, wire: 2.69e-9, affine: 1.83e-10, square: 2.44e-10 },
    message: { relu: 8.4e-9, wire: 8.01e-9, affine: 1.51e-8, square: 2.06e-8 },
    reply: { relu: 0, wire: 3.51e-8, affine: 1.05e-8, square: 1.76e-8 },
    finish: { relu: 1.4e-8, wire: 1.02e-11, affine: 9.95e-9, square: 1.98e-8 },
  },
  ring: { multiplication: 5.77e-11, element: 3.59e-9 },
  transport: { byteUp: 4.27e-9, byteDown: 2.51e-9, message: 0.0000591 },
};
