import { linearCosts } from '../../crypto/he/costs.ts';
import type { MachineCosts } from './machine.ts';

/**
 * The costs that `reluctant bench machine` measured on the machine of the README's figures. They are used
 * when no measurement of another machine is given.
 */
export const defaultMachine: MachineCosts = {
  machine: 'AMD EPYC',
  date: '2026-11-23',
  cores: 2,
  linear: linearCosts,
  squares: { encrypt: 0.00616, respond: 0.0143, decrypt: 0.00287 },
  activation: {
    // Measured on 2026-11-29, when the sign tests became one-time tables.
    clientKeys: { relu: 0, transfer: 5.26e-8, string: 1.76e-8, affine: 2.17e-7, square: 2.17e-7 },
    serverKeys: { relu: 8.76e-7, transfer: 0, string: 1.77e-8, affine: 1.94e-7, square: 1.68e-7 },
    clientTables: { relu: 2.9e-8, transfer: 0, string: 2.88e-9, affine: 3.13e-8, square: 3.91e-8 },
    serverTables: { relu: 6.07e-8, transfer: 0, string: 2.34e-9, affine: 4.23e-8, square: 6.17e-8 },
    message: { relu: 2.31e-8, transfer: 0, string: 1.65e-10, affine: 1.61e-8, square: 2.13e-8 },
    reply: { relu: 2.38e-8, transfer: 7.29e-10, string: 0, affine: 2.03e-8, square: 2.49e-8 },
    finish: { relu: 1.41e-8, transfer: 0, string: 0, affine: 9.52e-9, square: 1.7e-8 },
  },
  ring: { multiplication: 4.95e-11, element: 2.26e-9 },
  transport: { byteUp: 3.12e-9, byteDown: 1.9e-9, message: 4.41e-5 },
};
