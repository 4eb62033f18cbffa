import { ProtocolError } from '../../../src/shared/errors.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { mutationsAt } from './mutations.ts';
import type { Mutation } from './mutations.ts';
import { against } from './parties.ts';
import type { Outcome, Party, Side, Transcript } from './parties.ts';

/**
 * Seconds after which a case that should take a fraction of one counts as a hang: the frames are all there
 * and the peer has left.
 */
const hangSeconds = 60;

/** Why a case is not as it should be, or undefined. */
export async function faultOf(
  party: Party,
  mutation: Mutation,
  seconds = hangSeconds,
): Promise<string | undefined> {
  const outcome = await withinPatience(against(party, mutation.frames), seconds);
  if (outcome === 'hang') return `${mutation.name}: hangs`;
  if ('answer' in outcome) return mutation.harmless ? undefined : `${mutation.name}: ends as if nothing was`;
  const { error } = outcome;
  if (error instanceof ProtocolError) return undefined;
  return `${mutation.name}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
}

async function withinPatience(outcome: Promise<Outcome>, seconds: number): Promise<Outcome | 'hang'> {
  const watch = Promise.withResolvers<'hang'>();
  const timer = setTimeout(() => watch.resolve('hang'), seconds * 1000);
  try {
    return await Promise.race([outcome, watch.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** All mutations of what a side receives; `other` is the transcript of another session. */
export function allMutations(
  side: Side,
  transcript: Transcript,
  other: Transcript,
  rng: Rng,
  flips: number,
): Mutation[] {
  return transcript[side].flatMap((_, at) => mutationsAt(transcript[side], at, other[side], rng, flips));
}

/** The faults found, each one a line. */
export async function attack(party: Party, mutations: readonly Mutation[]): Promise<string[]> {
  const faults: string[] = [];
  for (const mutation of mutations) {
    const fault = await faultOf(party, mutation);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}
