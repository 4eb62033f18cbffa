import { expect, test } from 'vitest';
import { defaultMachine } from '../../../../../pipelines/cost/default-machine.ts';
import { machineOutput } from '../../../../../src/cli/commands/bench/outputs.ts';

test('the table of a machine has what a transfer takes each party, from either source', () => {
  const transfers = {
    silent: { chooser: 1.23e-8, offerer: 2.34e-8 },
    softspoken: { chooser: 3.45e-8, offerer: 4.56e-8 },
  };
  const { text } = machineOutput({ costs: { ...defaultMachine, transfers }, file: undefined });
  expect(text).toMatch(/silent transfer, chooser +12\.3 ns/);
  expect(text).toMatch(/silent transfer, offerer +23\.4 ns/);
  expect(text).toMatch(/of SoftSpokenOT, chooser +34\.5 ns/);
  expect(text).toMatch(/of SoftSpokenOT, offerer +45\.6 ns/);
});
