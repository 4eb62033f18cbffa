import { InvalidArgumentError, Option } from 'commander';
import { describeProfile, parseProfiles, profileNames, profiles } from '../../../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../../../pipelines/cost/profiles.ts';
import { UsageError } from '../../shared/errors.ts';

const list = profileNames.map((name) => `${name} (${describeProfile(profiles[name])})`).join(', ');

/** `--profile lan,wan`: the networks between the two parties. */
export function profileOption(): Option {
  return new Option('--profile <names>', `measure over these networks, separated by commas: ${list}`)
    .argParser(parsed)
    .default([profiles.loopback], 'loopback');
}

/** `--profile wan`: at most one network. */
export function oneProfileOption(): Option {
  return new Option('--profile <name>', `slow the connection down to this network: ${list}`).argParser(
    (text) => {
      const found = parsed(text);
      if (found.length > 1) throw new InvalidArgumentError('Expected one network, got several.');
      return found[0]!;
    },
  );
}

function parsed(text: string): NetworkProfile[] {
  try {
    return parseProfiles(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
