import { isUnshaped, profiles } from '../../../../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { shapedNamespace } from './namespace.ts';

/** The kernel, between network namespaces; this program, at the client's end of the connection; nothing. */
export type ShapedBy = 'namespaces' | 'throttle' | 'none';

/** What lies between the two processes of a bench. */
export type BenchNetwork = {
  readonly shapedBy: ShapedBy;
  /** Address for the server to listen on. */
  readonly host: string;
  /** What the server's command line starts with. */
  readonly within: readonly string[];
  /** What is left for the client's connection to do. */
  readonly atClient: NetworkProfile;
  close(): Promise<void>;
};

/** Network namespaces where this machine has what they take, else a throttled connection. */
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

/** For people. */
export const shapedByWords: { readonly [how in ShapedBy]: string } = {
  namespaces: 'made by tc between network namespaces',
  throttle: "made by throttling the client's connection (no tc with netem here)",
  none: 'as it is',
};
