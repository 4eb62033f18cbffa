import { defaultMachine } from '../../../pipelines/cost/default-machine.ts';
import type { MachineCosts } from '../../../pipelines/cost/machine.ts';

const noElements = { relu: 0, transfer: 0, string: 0, affine: 0, square: 0 };

/** A machine with one core on which everything is free. */
export const freeMachine: MachineCosts = {
  machine: 'none',
  date: '2026-01-01',
  cores: 1,
  linear: {
    encryptInput: 0,
    readInput: 0,
    product: 0,
    transformWeight: 0,
    respondOutput: 0,
    decryptOutput: 0,
    layer: 0,
  },
  transfers: { softspoken: { chooser: 0, offerer: 0 }, silent: { chooser: 0, offerer: 0 } },
  activation: {
    clientKeys: noElements,
    serverKeys: noElements,
    clientTables: noElements,
    serverTables: noElements,
    message: noElements,
    reply: noElements,
    finish: noElements,
  },
  ring: { multiplication: 0, element: 0 },
  transport: { byteUp: 0, byteDown: 0, message: 0 },
};

const { serverTables, message } = defaultMachine.activation;

/**
 * A machine on which a bit of a sign test costs much beside rounds, linear layers and squares, online and
 * offline, so that the budgets of tests bind at many shares whatever the protocol takes.
 */
export const dearSignTests: MachineCosts = {
  ...defaultMachine,
  activation: {
    ...defaultMachine.activation,
    serverTables: { ...serverTables, transfer: 8e-5 },
    message: { ...message, transfer: 4e-6 },
  },
};

/** One on which a square, too, costs much: twice a ReLU. */
export const dearRelus: MachineCosts = {
  ...dearSignTests,
  activation: {
    ...dearSignTests.activation,
    serverTables: { ...dearSignTests.activation.serverTables, square: 4e-3 },
    message: { ...dearSignTests.activation.message, square: 2e-4 },
  },
};
