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
    // Measured on 2026-11-29, when the transfers became SoftSpokenOT.
    clientKeys: { relu: 0, transfer: 7e-8, string: 0, affine: 2.3e-7, square: 2.18e-7 },
    serverKeys: { relu: 0, transfer: 7e-8, string: 0, affine: 2.11e-7, square: 1.98e-7 },
    clientTables: { relu: 0, transfer: 0, string: 1e-9, affine: 3.11e-9, square: 1.04e-9 },
    serverTables: { relu: 0, transfer: 0, string: 1e-9, affine: 3.11e-9, square: 1.04e-9 },
    message: { relu: 0, transfer: 0, string: 0, affine: 1.4e-8, square: 1.89e-8 },
    reply: { relu: 8.03e-8, transfer: 0, string: 0, affine: 1.21e-8, square: 2.16e-8 },
    finish: { relu: 1.02e-8, transfer: 0, string: 0, affine: 7.02e-9, square: 1.32e-8 },
  },
  ring: { multiplication: 4.95e-11, element: 2.26e-9 },
  transport: { byteUp: 3.12e-9, byteDown: 1.9e-9, message: 4.41e-5 },
};
