import { InvalidArgumentError, Option } from 'commander';
import { describeProfile, parseProfiles, profileNames, profiles } from '../../../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../../../pipelines/cost/profiles.ts';
import { UsageError } from '../../shared/errors.ts';

const list = profileNames.map((name) => `${name} (${describeProfile(profiles[name])})`).join(', ');

/** `--profile lan,wan`: networks between the two parties; loopback where left out. */
export function profileOption(): Option {
  return new Option('--profile <names>', `networks to measure over, a list of ${list}`)
    .argParser(parsed)
    .default([profiles.loopback], 'loopback');
}

/** `--profile wan`: one network, or none. */
export function oneProfileOption(): Option {
  return new Option(
    '--profile <name>',
    `slow this end of the connection down to a network: ${list}`,
  ).argParser((text) => {
    const found = parsed(text);
    if (found.length > 1) throw new InvalidArgumentError('Expected one network.');
    return found[0]!;
  });
}

function parsed(text: string): NetworkProfile[] {
  try {
    return parseProfiles(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
