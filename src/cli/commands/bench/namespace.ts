import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';

/** A network namespace whose only way out, and in, is a shaped link to this process's own network. */
export type Namespace = {
  readonly name: string;
  /** Where a server in it listens. */
  readonly address: string;
  close(): Promise<void>;
};

/** Runs a program to its end. Rejects if it does not exist, or ends with another code than 0. */
export type RunCommand = (program: string, args: readonly string[]) => Promise<unknown>;

const execute = promisify(execFile);
const system: RunCommand = (program, args) => execute(program, [...args]);

/**
 * Makes the namespace and shapes both ends of its link with tc's netem. Undefined if this machine cannot do
 * it (no root, no iproute2, no netem in the kernel). Trying is the only sure probe; a failed try removes what
 * it made.
 */
export async function shapedNamespace(
  profile: NetworkProfile,
  run: RunCommand = system,
): Promise<Namespace | undefined> {
  const id = process.pid;
  const name = `reluctant-${id}`;
  try {
    await run('ip', ['netns', 'add', name]);
  } catch {
    return undefined;
  }
  try {
    const address = await shapedLink(name, id, profile, run);
    return { name, address, close: removal(name, run) };
  } catch {
    await run('ip', ['netns', 'del', name]).catch(() => undefined);
    return undefined;
  }
}

/** The address of the link's far end, from 198.18.0.0/15, which is reserved for benchmarks (RFC 2544). */
async function shapedLink(
  name: string,
  id: number,
  profile: NetworkProfile,
  run: RunCommand,
): Promise<string> {
  const [near, far] = [`rl${id}a`, `rl${id}b`];
  const network = `198.18.${(id >> 6) & 255}`;
  const first = 4 * (id & 63);
  const shape = (device: string) => ['qdisc', 'add', 'dev', device, 'root', 'netem', ...netemOf(profile)];
  const inside = ['netns', 'exec', name];
  await run('ip', ['link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name]);
  await run('tc', shape(near));
  await run('ip', [...inside, 'tc', ...shape(far)]);
  await run('ip', ['addr', 'add', `${network}.${first + 1}/30`, 'dev', near]);
  await run('ip', ['link', 'set', near, 'up']);
  await run('ip', ['-n', name, 'addr', 'add', `${network}.${first + 2}/30`, 'dev', far]);
  await run('ip', ['-n', name, 'link', 'set', far, 'up']);
  return `${network}.${first + 2}`;
}

/** Half of the round trip each way. The queue holds the packets of one second, so that none is dropped. */
function netemOf({ bitsPerSecond, roundTripSeconds }: NetworkProfile): string[] {
  const packets = Math.ceil(bitsPerSecond / 8 / 1500);
  return ['delay', `${5e5 * roundTripSeconds}us`, 'rate', `${bitsPerSecond}bit`, 'limit', String(packets)];
}

/** Removes the namespace and with it its devices; also when the process ends early. */
function removal(name: string, run: RunCommand): () => Promise<void> {
  const atExit = () => spawnSync('ip', ['netns', 'del', name]);
  process.once('exit', atExit);
  return async () => {
    process.off('exit', atExit);
    await run('ip', ['netns', 'del', name]);
  };
}
