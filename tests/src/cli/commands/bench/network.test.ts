import { expect, test } from 'vitest';
import { profiles } from '../../../../../pipelines/cost/profiles.ts';
import { shapedNamespace } from '../../../../../src/cli/commands/bench/namespace.ts';
import type { RunCommand } from '../../../../../src/cli/commands/bench/namespace.ts';
import { openNetwork } from '../../../../../src/cli/commands/bench/network.ts';

/** A machine on which the commands that match fail; what was run. */
function machine(missing: RegExp): { run: RunCommand; commands: string[] } {
  const commands: string[] = [];
  const run: RunCommand = (program, args) => {
    const command = [program, ...args].join(' ');
    commands.push(command);
    return missing.test(command) ? Promise.reject(new Error(command)) : Promise.resolve();
  };
  return { run, commands };
}
const nothing = /$^/;

test('a namespace with both ends of its link shaped, taken down afterwards', async () => {
  const { run, commands } = machine(nothing);
  const namespace = (await shapedNamespace(profiles.wan, run))!;
  const shaped = commands.filter((command) => command.includes('netem'));
  expect(shaped).toHaveLength(2);
  for (const command of shaped)
    expect(command).toMatch(/ root netem delay 20000us rate 100000000bit limit 8334$/);
  expect(shaped[1]).toContain(`netns exec ${namespace.name} tc`);
  expect(commands.filter((command) => command.includes(` ${namespace.address}/30 `))).toHaveLength(1);
  expect(commands.some((command) => command.includes('netns del'))).toBe(false);
  await namespace.close();
  expect(commands.at(-1)).toBe(`ip netns del ${namespace.name}`);
});

test.each([
  ['the first end is refused', /^tc/],
  ['the second end is refused', /exec .* tc/],
  ['no links', /link add/],
])('none where %s, and nothing is left', async (_name, missing) => {
  const { run, commands } = machine(missing);
  expect(await shapedNamespace(profiles.lan, run)).toBeUndefined();
  expect(commands.at(-1)).toMatch(/^ip netns del /);
});

test('none where namespaces are refused: there is nothing to take down', async () => {
  const { run, commands } = machine(/netns/);
  expect(await shapedNamespace(profiles.lan, run)).toBeUndefined();
  expect(commands).toHaveLength(1);
});

test('the kernel shapes where it can, the client throttles where not, loopback is left alone', async () => {
  const works = machine(nothing);
  const byKernel = await openNetwork(profiles.lan, (profile) => shapedNamespace(profile, works.run));
  expect(byKernel).toMatchObject({ shapedBy: 'namespaces', atClient: profiles.loopback });
  expect(byKernel.within.slice(0, 3)).toEqual(['ip', 'netns', 'exec']);
  await byKernel.close();
  const fails = machine(/tc/);
  const byUs = await openNetwork(profiles.lan, (profile) => shapedNamespace(profile, fails.run));
  expect(byUs).toMatchObject({ shapedBy: 'throttle', atClient: profiles.lan, host: '127.0.0.1', within: [] });
  const never = () => Promise.reject(new Error('asked for'));
  expect(await openNetwork(profiles.loopback, never)).toMatchObject({ shapedBy: 'none' });
});
