import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Act } from '../src/cli/options/command.ts';
import { connect } from '../src/client.ts';
import { startServer } from '../src/server.ts';
import type { ServerEvent } from '../src/server.ts';
import { createMetrics } from '../src/serving/metrics.ts';
import { tinyImage, tinyPlan, tinyWeights } from './helpers/networks.ts';
import { buildProgram } from '../src/cli/program.ts';
import { packageRoot } from '../src/shared/files.ts';

const textOf = (file: string) => readFileSync(join(packageRoot, 'deploy', file), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'reluctant-deploy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (...command: string[]) => spawnSync(command[0]!, command.slice(1)).status === 0;

/** The exit code of a linter and what it said. */
function lint(...command: string[]): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' });
  return { code: status, said: stdout + stderr };
}

function written(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The words after the main file in a command of a container or a unit, without the file of `--config`. */
async function parses(words: readonly string[]): Promise<void> {
  const readOnly: Act = () => () => Promise.resolve();
  const own = words.flatMap((word, i) =>
    words[i - 1] === '--config' ? [written('empty.json', '{}')] : [word],
  );
  const program = await buildProgram(own, '0.0.0', readOnly);
  await program.parseAsync(own, { from: 'user' });
}

describe('Dockerfile', () => {
  const text = textOf('Dockerfile');
  const listOf = (instruction: string) =>
    JSON.parse(new RegExp(`^\\s*${instruction} (\\[.*\\])$`, 'm').exec(text)![1]!) as string[];

  test('starts the command line as it is, with Node and not with npx, and not as root', async () => {
    const [node, main] = listOf('ENTRYPOINT');
    expect(node).toBe('node');
    const { bin } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
      bin: { reluctant: string };
    };
    expect(main).toMatch(new RegExp(`/node_modules/reluctant/${bin.reluctant}$`));
    await parses(
      text
        .match(/^CMD (\[.*\])$/m)!
        .slice(1)
        .flatMap((list) => JSON.parse(list) as string[]),
    );
    const steps = text.split('\n').filter((line) => /^[A-Z]+ /.test(line));
    expect(steps.indexOf('USER node')).toBeGreaterThan(steps.findLastIndex((line) => line.startsWith('RUN')));
  });

  test('installs the package without the scripts of its dependencies, one of which downloads CUDA', () => {
    const installs = text.split('\n').filter((line) => /npm install/.test(line));
    expect(installs).toHaveLength(1);
    expect(installs[0]).toContain(' --ignore-scripts ');
    expect(textOf('reluctant.service')).toMatch(/npm install [^)]*--ignore-scripts/);
  });

  test('its health check is a program that fails where nothing answers', () => {
    const [node, ...args] = JSON.parse(/CMD (\["node", "--eval".*\])$/m.exec(text)![1]!) as string[];
    const elsewhere = args.map((arg) => arg.replace('8765', '1'));
    expect(spawnSync(node!, elsewhere).status).toBe(1);
  });

  test('leaves out what a build must not see', () => {
    const ignored = readFileSync(join(packageRoot, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.git', 'node_modules', 'dist']));
  });
});

describe.skipIf(!has('docker', 'compose', 'version'))('compose.yaml', () => {
  const config = (file: string) => lint('docker', 'compose', '-f', file, 'config', '--quiet');

  test('is valid, and a wrong one is found', () => {
    expect(config(join(packageRoot, 'deploy/compose.yaml'))).toEqual({ code: 0, said: '' });
    const wrong = written('compose.yaml', textOf('compose.yaml').replace('replicas:', 'replicass:'));
    expect(config(wrong).code).not.toBe(0);
  });
});

test('files that the compose file mounts are there', () => {
  const mounted = [...textOf('compose.yaml').matchAll(/- \.\/(\S+?):/g)].map((match) => match[1]!);
  expect(mounted).toEqual(['haproxy.cfg', 'prometheus.yml', 'alerts.yml']);
  for (const file of mounted) expect(existsSync(join(packageRoot, 'deploy', file))).toBe(true);
});

test('the replicas start a command that there is, with the metrics where the scraper looks', async () => {
  const [, words] = /^ {4}command:\s*\[([^\]]*)\]$/m.exec(textOf('compose.yaml'))!;
  const command = words!.match(/[^\s',]+/g)!;
  await parses(command);
  expect(command.slice(-2)).toEqual([
    '--metrics-port',
    /^ +port: (\d+)$/m.exec(textOf('prometheus.yml'))![1],
  ]);
});

/** The names in the expressions of the rules, without those of PromQL. */
function alertedMetrics(): string[] {
  const names = textOf('alerts.yml').match(/\breluctant_\w+/g)!;
  return [...new Set(names)];
}

describe('alerts.yml', () => {
  test('asks for metrics that a server has', async () => {
    const metrics = createMetrics();
    const phase = { seconds: 1, bytes_up: 1, bytes_down: 1, steps: [] };
    const about = { session: 1, peer: 'a', model: 'm', plan: 'p' };
    metrics.record({ kind: 'inference', offline: phase, online: phase, ...about });
    metrics.record({ kind: 'refused', peer: 'a', reason: 'the server is busy: it has 1 sessions' });
    metrics.record({ kind: 'refused', peer: 'a', reason: 'it shows no token' });
    const { body } = await metrics.read();
    expect(alertedMetrics().length).toBeGreaterThan(4);
    for (const name of alertedMetrics()) expect(body).toMatch(new RegExp(`^${name}[ {]`, 'm'));
    const reasons = [...textOf('alerts.yml').matchAll(/reason="([^"]*)"/g)].map((match) => match[1]);
    for (const reason of reasons) expect(body).toContain(`{reason="${reason}"} 1`);
  });

  test.skipIf(!has('promtool', '--version'))('is valid, and wrong files are found', () => {
    const check = (kind: string, file: string) => lint('promtool', 'check', kind, file).code;
    expect(check('config', join(packageRoot, 'deploy/prometheus.yml'))).toBe(0);
    expect(
      check('config', written('prometheus.yml', textOf('prometheus.yml').replace('type: A', 'typ: A'))),
    ).toBe(1);
    expect(check('rules', join(packageRoot, 'deploy/alerts.yml'))).toBe(0);
    expect(check('rules', written('alerts.yml', textOf('alerts.yml').replace('== 0', '== (')))).toBe(1);
  });

  test.skipIf(!has('promtool', '--version'))(
    'tells of a server that is down or full, and of no other',
    () => {
      const rules = written('alerts.yml', textOf('alerts.yml'));
      const of = (series: string, alert: string, alerts: string) => `rule_files: ['${rules}']
tests:
  - interval: 1m
    input_series:
      - { series: '${series.split(' = ')[0]}', values: '${series.split(' = ')[1]}' }
    alert_rule_test:
      - { eval_time: 30m, alertname: ${alert}, exp_alerts: [${alerts}] }
`;
      const passes = (text: string) =>
        lint('promtool', 'test', 'rules', written('rules-test.yml', text)).code === 0;
      const up = 'up{job="reluctant",instance="a"}';
      const full = 'reluctant_refusals_total{reason="full",instance="a"}';
      expect(passes(of(`${up} = 1x40`, 'ReluctantDown', ''))).toBe(true);
      expect(passes(of(`${up} = 0x40`, 'ReluctantDown', ''))).toBe(false);
      expect(passes(of(`${full} = 7x40`, 'ReluctantFull', ''))).toBe(true);
      expect(passes(of(`${full} = 0+1x40`, 'ReluctantFull', ''))).toBe(false);
    },
  );
});

describe.skipIf(!has('haproxy', '-v'))('haproxy.cfg', () => {
  const check = (file: string) => lint('haproxy', '-c', '-f', file);

  test('is valid, and a wrong one is found', () => {
    const { code, said } = check(join(packageRoot, 'deploy/haproxy.cfg'));
    expect(said).not.toMatch(/WARNING|ALERT/);
    expect(code).toBe(0);
    const wrong = written('haproxy.cfg', textOf('haproxy.cfg').replace('leastconn', 'leastcon'));
    expect(check(wrong).code).not.toBe(0);
  });
});

/** haproxy.cfg for two servers of this machine in place of the containers. */
function proxyOf(port: number, servers: readonly string[]): string {
  const lines = servers.map(
    (url, i) => `  server s${i} ${new URL(url).host} check inter 200ms fall 1 rise 1`,
  );
  return textOf('haproxy.cfg')
    .replace(/^resolvers[^]*?\n\n/m, '')
    .replace(/^ {2}bind :8765$/m, `  bind 127.0.0.1:${port}`)
    .replace(/^ {2}server-template.*$/m, lines.join('\n'));
}

describe.skipIf(!has('haproxy', '-v'))('two replicas behind the proxy', () => {
  test('serve, and when one stops its clients go on at the other', async () => {
    const port = 20_000 + (process.pid % 20_000);
    const model = { plan: tinyPlan, weights: tinyWeights(), threads: 1 };
    const servers = [await startServer(model), await startServer(model)];
    const config = proxyOf(
      port,
      servers.map(({ url }) => url),
    );
    const proxy = spawn('haproxy', ['-f', written('proxy.cfg', config)], { stdio: 'ignore' });
    const options = { threads: 1, retrySeconds: 20 };
    const session = await connect(`ws://127.0.0.1:${port}`, options);
    expect((await session.infer(tinyImage())).logits).toHaveLength(3);
    await session.close();
    // The client sticks to the first replica.
    await servers[0]!.close();
    const other = await connect(`ws://127.0.0.1:${port}`, options);
    expect((await other.infer(tinyImage())).logits).toHaveLength(3);
    await other.close();
    await servers[1]!.close();
    proxy.kill('SIGKILL');
  });
});

describe.skipIf(!has('haproxy', '-v'))('a proxy that is restarted', () => {
  test('costs a client nothing that it had prepared', async () => {
    const port = 40_000 + (process.pid % 20_000);
    const events: ServerEvent[] = [];
    const onEvent = (event: ServerEvent) => void events.push(event);
    const server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, onEvent });
    const config = written('restarted.cfg', proxyOf(port, [server.url]));
    const start = () => spawn('haproxy', ['-f', config], { stdio: 'ignore' });
    const proxy = start();
    const session = await connect(`ws://127.0.0.1:${port}`, { threads: 1, retrySeconds: 20 });
    await session.prepare();
    const ended = once(proxy, 'exit');
    proxy.kill('SIGKILL');
    await ended;
    const next = start();
    // An image could go into a connection whose end the client has not noticed; this call tries again.
    await session.prepare();
    expect((await session.infer(tinyImage())).logits).toHaveLength(3);
    expect(events.find(({ kind }) => kind === 'resumed')).toMatchObject({ prepared: 1 });
    await session.close();
    await server.close();
    next.kill('SIGKILL');
  });
});

describe('reluctant.service', () => {
  const text = textOf('reluctant.service');

  test('starts a command that there is', async () => {
    const [, words] = /^ExecStart=\/usr\/bin\/node \S+\/dist\/src\/cli\/main\.js (.*)$/m.exec(text)!;
    await parses(words!.split(' '));
  });

  test.skipIf(!has('systemd-analyze', '--version'))('is valid, and a wrong one is found', () => {
    const here = text.replace('/usr/bin/node', process.execPath);
    const verify = (file: string) => lint('systemd-analyze', 'verify', '--man=no', file);
    expect(verify(written('reluctant.service', here)).said).toBe('');
    const wrong = written('wrong.service', here.replace('Restart=on-failure', 'Restart=sometimes'));
    expect(verify(wrong).said).toMatch(/sometimes/);
  });
});
