import { isUnshaped, profiles } from '../../../../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { shapedNamespace } from './namespace.ts';

/** The kernel between network namespaces, this program at the client's end of the connection, or nothing. */
export type ShapedBy = 'namespaces' | 'throttle' | 'none';

/** The network between the two processes of a bench. */
export type BenchNetwork = {
  readonly shapedBy: ShapedBy;
  /** The address on which the server listens. */
  readonly host: string;
  /** The words before the server's command line. */
  readonly within: readonly string[];
  /** The profile that the client's connection still has to imitate. */
  readonly atClient: NetworkProfile;
  close(): Promise<void>;
};

/** Uses network namespaces if this machine can make them, else throttles the connection. */
export async function openNetwork(
  profile: NetworkProfile,
  namespaceOf: typeof shapedNamespace = shapedNamespace,
): Promise<BenchNetwork> {
  const here = { host: '127.0.0.1', within: [], atClient: profile, close: () => Promise.resolve() };
  if (isUnshaped(profile)) return { shapedBy: 'none', ...here };
  const namespace = await namespaceOf(profile);
  if (namespace === undefined) return { shapedBy: 'throttle', ...here };
  return {
    shapedBy: 'namespaces',
    host: namespace.address,
    within: ['ip', 'netns', 'exec', namespace.name],
    atClient: profiles.loopback,
    close: () => namespace.close(),
  };
}

/** The same in words. */
export const shapedByWords: { readonly [how in ShapedBy]: string } = {
  namespaces: 'shaped by tc between network namespaces',
  throttle: "shaped by throttling the client's connection (tc with netem is not available here)",
  none: 'not shaped',
};
