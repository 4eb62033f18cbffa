import { UsageError } from '../../src/shared/errors.ts';

/** A network between the two parties, equally fast in both directions. */
export type NetworkProfile = {
  readonly name: string;
  /** Infinity if the connection is as fast as the machine can copy. */
  readonly bitsPerSecond: number;
  readonly roundTripSeconds: number;
};

export const profileNames = ['loopback', 'lan', 'wan'] as const;
export type ProfileName = (typeof profileNames)[number];

/** The LAN and WAN that papers on private inference report, and an unlimited network. */
export const profiles: { readonly [name in ProfileName]: NetworkProfile } = {
  loopback: { name: 'loopback', bitsPerSecond: Infinity, roundTripSeconds: 0 },
  lan: { name: 'lan', bitsPerSecond: 1e9, roundTripSeconds: 0.5e-3 },
  wan: { name: 'wan', bitsPerSecond: 100e6, roundTripSeconds: 40e-3 },
};

export function isProfileName(name: string): name is ProfileName {
  return (profileNames as readonly string[]).includes(name);
}

/**
 * Reads names of profiles separated by commas, for example 'lan,wan'. Throws UsageError for an unknown name
 * and for a name that occurs twice.
 */
export function parseProfiles(text: string): NetworkProfile[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !isProfileName(name));
  if (unknown !== undefined) {
    throw new UsageError(`network profile: expected one of ${profileNames.join(', ')}, got '${unknown}'`);
  }
  if (new Set(names).size < names.length)
    throw new UsageError(`network profiles: expected each name once, got '${text}'`);
  return names.map((name) => profiles[name as ProfileName]);
}

/** Whether the profile neither limits the bandwidth nor adds delay. */
export function isUnshaped({ bitsPerSecond, roundTripSeconds }: NetworkProfile): boolean {
  return bitsPerSecond === Infinity && roundTripSeconds === 0;
}

/** Describes a profile: '1 Gbit/s, 0.5 ms round trip'. */
export function describeProfile({ bitsPerSecond, roundTripSeconds }: NetworkProfile): string {
  const gigabit = bitsPerSecond >= 1e9;
  const rate = `${gigabit ? bitsPerSecond / 1e9 : bitsPerSecond / 1e6} ${gigabit ? 'G' : 'M'}bit/s`;
  return `${bitsPerSecond === Infinity ? 'no limit' : rate}, ${1e3 * roundTripSeconds} ms round trip`;
}
