import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Act } from '../src/cli/options/command.ts';
import { connect } from '../src/client.ts';
import { startServer } from '../src/server.ts';
import type { ServerEvent } from '../src/server.ts';
import { createMetrics } from '../src/serving/metrics.ts';
import { freePort } from './helpers/processes/free-port.ts';
import { tinyImage, tinyPlan, tinyWeights } from './helpers/networks/networks.ts';
import { buildProgram } from '../src/cli/program.ts';
import { packageRoot } from '../src/shared/files.ts';

const textOf = (file: string) => readFileSync(join(packageRoot, 'deploy', file), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'reluctant-deploy-'));
afterAll(() => rmSync(folder, { recursive: true }));

const has = (...command: string[]) => spawnSync(command[0]!, command.slice(1)).status === 0;

/** For the title of a test that is skipped where a tool is not installed. */
const unless = (isHere: boolean, tool: string) => (isHere ? '' : ` (skipped: no ${tool} here)`);
const hasPromtool = has('promtool', '--version');
const hasSystemd = has('systemd-analyze', '--version');

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

/** Compose reads a file without Docker's daemon: the plugin of docker, or the program that Debian has. */
const compose = [['docker', 'compose'], ['docker-compose']].find((words) => has(...words, 'version'));

describe.skipIf(compose === undefined)(
  `compose.yaml${unless(compose !== undefined, 'docker compose')}`,
  () => {
    const config = (file: string) => lint(...compose!, '-f', file, 'config', '--quiet');

    test('is valid, and a wrong one is found', () => {
      expect(config(join(packageRoot, 'deploy/compose.yaml'))).toEqual({ code: 0, said: '' });
      const wrong = written('compose.yaml', textOf('compose.yaml').replace('replicas:', 'replicass:'));
      expect(config(wrong).code).not.toBe(0);
    });
  },
);

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

  test.skipIf(!hasPromtool)(`is valid, and wrong files are found${unless(hasPromtool, 'promtool')}`, () => {
    const check = (kind: string, file: string) => lint('promtool', 'check', kind, file).code;
    expect(check('config', join(packageRoot, 'deploy/prometheus.yml'))).toBe(0);
    expect(
      check('config', written('prometheus.yml', textOf('prometheus.yml').replace('type: A', 'typ: A'))),
    ).toBe(1);
    expect(check('rules', join(packageRoot, 'deploy/alerts.yml'))).toBe(0);
    expect(check('rules', written('alerts.yml', textOf('alerts.yml').replace('== 0', '== (')))).toBe(1);
  });

  test.skipIf(!hasPromtool)(
    `tells of a server that is down or full, and of no other${unless(hasPromtool, 'promtool')}`,
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

/** A proxy for which there is a file: how it is checked and started, and the file for servers of this machine. */
type Proxy = {
  readonly file: string;
  readonly isHere: boolean;
  check(file: string): { code: number | null; said: string };
  readonly mistake: readonly [string, string];
  configOf(port: number, hosts: readonly string[]): string;
  command(config: string): readonly [program: string, ...args: string[]];
};

const haproxy: Proxy = {
  file: 'haproxy.cfg',
  isHere: has('haproxy', '-v'),
  check: (file) => lint('haproxy', '-c', '-f', file),
  mistake: ['leastconn', 'leastcon'],
  configOf: (port, hosts) =>
    textOf('haproxy.cfg')
      .replace(/^resolvers[^]*?\n\n/m, '')
      .replace(/^ {2}bind :8765$/m, `  bind 127.0.0.1:${port}`)
      .replace(
        /^ {2}server-template.*$/m,
        hosts.map((host, i) => `  server s${i} ${host} check inter 200ms fall 1 rise 1`).join('\n'),
      ),
  command: (config) => ['haproxy', '-f', config],
};

const nginx: Proxy = {
  file: 'nginx.conf',
  isHere: has('nginx', '-v'),
  check: (file) => lint('nginx', '-t', '-c', file),
  mistake: ['proxy_buffering', 'proxy_bufering'],
  configOf: (port, hosts) =>
    textOf('nginx.conf')
      .replace(/^pid .*$/m, `pid ${join(folder, `nginx-${port}.pid`)};`)
      .replace(/^ {4}listen 8765;$/m, `    listen 127.0.0.1:${port};`)
      .replace(
        /^ {4}server server-1[^]*?\n {2}}/m,
        `${hosts.map((host) => `    server ${host} max_fails=1;`).join('\n')}\n  }`,
      ),
  // One process, which a signal ends whole.
  command: (config) => ['nginx', '-c', config, '-g', 'daemon off; master_process off;'],
};

/** A proxy that runs until the test ends. */
function started(proxy: Proxy, port: number, hosts: readonly string[]) {
  const [program, ...args] = proxy.command(written(`${port}-${proxy.file}`, proxy.configOf(port, hosts)));
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => (said += String(text)));
  const end = once(child, 'close');
  const failed = end.then(() => Promise.reject(new Error(`${program} ended: ${said}`)));
  failed.catch(() => undefined);
  const kill = async () => {
    child.kill('SIGKILL');
    await end;
  };
  onTestFinished(kill);
  /** What is done through the proxy fails with its words if it ends meanwhile. */
  const through = <T>(work: Promise<T>) => Promise.race([work, failed]);
  return { kill, through };
}

/** A client that waits for the proxy to listen. */
const client = (port: number) => connect(`ws://127.0.0.1:${port}`, { threads: 1, retrySeconds: 60 });

describe.each([haproxy, nginx])(
  `$file${unless(haproxy.isHere && nginx.isHere, 'haproxy or nginx')}`,
  (proxy) => {
    const run = test.skipIf(!proxy.isHere);

    run('is valid, and a wrong one is found', () => {
      // Names of containers are known only to containers; haproxy asks for them later.
      const text = textOf(proxy.file).replaceAll(/\bserver-[12]:/g, '127.0.0.1:');
      const { code, said } = proxy.check(written(`right-${proxy.file}`, text));
      expect(said).not.toMatch(/WARNING|ALERT|\[warn\]/);
      expect(code).toBe(0);
      expect(proxy.check(written(`wrong-${proxy.file}`, text.replace(...proxy.mistake))).code).not.toBe(0);
    });

    run('before two replicas: when one stops its clients go on at the other', async () => {
      const model = { plan: tinyPlan, weights: tinyWeights(), threads: 1 };
      const opened = [0, 0];
      // On ports that nobody else is given: the proxy goes on asking at that of a server that has ended.
      const servers = await Promise.all(
        opened.map(async (_, i) => {
          const onEvent = ({ kind }: ServerEvent) => void (kind === 'opened' && opened[i]!++);
          return startServer({ ...model, port: await freePort(), onEvent });
        }),
      );
      const port = await freePort();
      const running = started(
        proxy,
        port,
        servers.map(({ url }) => new URL(url).host),
      );
      for (let count = 0; count < 2; count++) {
        const session = await running.through(client(port));
        expect((await session.infer(tinyImage())).logits).toHaveLength(3);
        await session.close();
      }
      // The client sticks to one replica.
      const own = opened.indexOf(2);
      expect(opened.toSorted()).toEqual([0, 2]);
      await servers[own]!.close();
      const other = await running.through(client(port));
      expect((await other.infer(tinyImage())).logits).toHaveLength(3);
      await other.close();
      await servers[1 - own]!.close();
    });

    run('restarted, costs a client nothing that it had prepared', async () => {
      const events: ServerEvent[] = [];
      const onEvent = (event: ServerEvent) => void events.push(event);
      const server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, onEvent });
      const port = await freePort();
      const hosts = [new URL(server.url).host];
      const first = started(proxy, port, hosts);
      const session = await first.through(client(port));
      await session.prepare();
      // What a client has sent may be in the proxy still.
      await first.through(expect.poll(() => events.map(({ kind }) => kind)).toContain('prepared'));
      await first.kill();
      const next = started(proxy, port, hosts);
      // An image could go into a connection whose end the client has not noticed; this call tries again.
      await next.through(session.prepare());
      expect((await session.infer(tinyImage())).logits).toHaveLength(3);
      expect(events.find(({ kind }) => kind === 'resumed')).toMatchObject({ prepared: 1 });
      await session.close();
      await server.close();
    });
  },
);

test.skipIf(!haproxy.isHere)(
  `haproxy keeps a replica that answers late${unless(haproxy.isHere, 'haproxy')}`,
  async () => {
    // Four times as late as there are checks.
    const replica = createServer((_, response) => void setTimeout(() => response.end(), 800));
    onTestFinished(() => void replica.close());
    await once(replica.listen(0, '127.0.0.1'), 'listening');
    const port = await freePort();
    const { through } = started(haproxy, port, [`127.0.0.1:${(replica.address() as AddressInfo).port}`]);
    const status = async () => (await fetch(`http://127.0.0.1:${port}`)).status;
    await through(expect.poll(() => status().catch(() => 'none')).not.toBe('none'));
    for (let count = 0; count < 3; count++) expect(await through(status())).toBe(200);
  },
);

describe('reluctant.service', () => {
  const text = textOf('reluctant.service');

  test('starts a command that there is', async () => {
    const [, words] = /^ExecStart=\/usr\/bin\/node \S+\/dist\/src\/cli\/main\.js (.*)$/m.exec(text)!;
    await parses(words!.split(' '));
  });

  test.skipIf(!hasSystemd)(
    `is valid, and a wrong one is found${unless(hasSystemd, 'systemd-analyze')}`,
    () => {
      const here = text.replace('/usr/bin/node', process.execPath);
      const verify = (file: string) => lint('systemd-analyze', 'verify', '--man=no', file);
      expect(verify(written('reluctant.service', here)).said).toBe('');
      const wrong = written('wrong.service', here.replace('Restart=on-failure', 'Restart=sometimes'));
      expect(verify(wrong).said).toMatch(/sometimes/);
    },
  );
});
