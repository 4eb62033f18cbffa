import { Option } from 'commander';
import { transferModes } from '../../../pipelines/inference/layer-transfers.ts';

/** `--transfers silent`: what the oblivious transfers of a session come from. */
export function transfersOption(): Option {
  return new Option(
    '--transfers <kind>',
    "source of oblivious transfers: 'silent' sends the fewest bytes and assumes learning parity with noise; " +
      "'softspoken' does without that assumption; 'auto' takes in each direction the source that is predicted " +
      'to be the faster one on the network (default: auto)',
  ).choices(transferModes);
}
