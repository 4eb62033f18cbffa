import { linearCosts } from '../../crypto/he/costs.ts';
import type { MachineCosts } from './machine.ts';

/** Those of transfers: all that a client needs to choose where its transfers come from. */
export const transferCosts = {
  softspoken: { chooser: 2.6e-8, offerer: 3e-8 },
  silent: { chooser: 1.9e-8, offerer: 1.8e-8 },
} as const;

/**
 * The costs that `reluctant bench machine` measured on the machine of the README's figures. They are used
 * when no measurement of another machine is given.
 */
export const defaultMachine: MachineCosts = {
  machine: 'AMD EPYC',
  date: '2026-11-29',
  cores: 2,
  linear: linearCosts,
  transfers: transferCosts,
  activation: {
    clientKeys: { relu: 3.87e-8, transfer: 1.19e-8, string: 2.6e-9, affine: 3.13e-8, square: 1.52e-7 },
    serverKeys: { relu: 0, transfer: 2.21e-10, string: 1.42e-8, affine: 4.04e-8, square: 1.42e-7 },
    clientTables: { relu: 5.66e-9, transfer: 3.35e-9, string: 4.86e-10, affine: 3.2e-8, square: 3.02e-8 },
    serverTables: { relu: 8.02e-8, transfer: 0, string: 1.48e-9, affine: 8.34e-8, square: 4.33e-8 },
    message: { relu: 1.18e-8, transfer: 8.64e-10, string: 0, affine: 1.51e-8, square: 1.96e-8 },
    reply: { relu: 2.37e-8, transfer: 9.43e-10, string: 0, affine: 1.91e-8, square: 2.39e-8 },
    finish: { relu: 8.75e-9, transfer: 1.25e-11, string: 0, affine: 5.43e-9, square: 1.35e-8 },
  },
  ring: { multiplication: 5.33e-11, element: 2.18e-9 },
  transport: { byteUp: 4.74e-9, byteDown: 2.42e-9, message: 3.94e-5 },
};
