import { Option } from 'commander';
import { transferModes } from '../../../pipelines/inference/layer-transfers.ts';

/** `--transfers silent`: what the oblivious transfers of a session come from. */
export function transfersOption(): Option {
  return new Option(
    '--transfers <kind>',
    "what oblivious transfers come from: 'silent' ones send least and rest on learning parity with noise, " +
      "'softspoken' ones do not, 'auto' takes in each direction what is done first on the network (default: auto)",
  ).choices(transferModes);
}
