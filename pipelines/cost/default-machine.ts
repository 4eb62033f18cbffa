import type { MachineCosts } from './machine.ts';

/**
 * The costs that `reluctant bench machine` measured on the machine of the README's figures. They are used
 * when no measurement of another machine is given.
 */
export const defaultMachine: MachineCosts = {
  machine: 'AMD EPYC',
  date: '2026-11-23',
  cores: 2,
  linear: {
    encryptInput: 0.00156,
    decryptOutput: 0.000629,
    transformWeight: 0.000429,
    layer: 0,
    readInput: 0.000654,
    product: 9.31e-5,
    respondOutput: 0.00291,
  },
  squares: { encrypt: 0.00616, respond: 0.0143, decrypt: 0.00287 },
  activation: {
    offer: { relu: 0, wire: 1e-7, affine: 6.33e-8, square: 4.86e-8 },
    garble: { relu: 1.13e-6, wire: 9.34e-8, affine: 4.62e-8, square: 4.22e-8 },
    take: { relu: 3.88e-8, wire: 7.9e-9, affine: 7.32e-10, square: 3.05e-10 },
    message: { relu: 0, wire: 1.51e-8, affine: 1.4e-8, square: 1.89e-8 },
    reply: { relu: 8.03e-8, wire: 4.23e-8, affine: 1.21e-8, square: 2.16e-8 },
    finish: { relu: 1.02e-8, wire: 4.58e-11, affine: 7.02e-9, square: 1.32e-8 },
  },
  ring: { multiplication: 4.95e-11, element: 2.26e-9 },
  transport: { byteUp: 3.12e-9, byteDown: 1.9e-9, message: 4.41e-5 },
};
