import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { wasmPaths } from '../src/browser/assets.ts';
import { packageRoot } from '../src/shared/files.ts';

/**
 * The rooms of a top-level folder, lowest first: a room imports itself and the rooms before it. A file in no
 * room fails.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  'src/shared': [''],
  models: [
    'tensor.ts',
    'refusal.ts',
    'ending.ts',
    'history.ts',
    'preprocessing.ts',
    'graph.ts',
    'onnx',
    'ops',
    'analysis',
    'passes',
    'zoo',
    'files',
    'runtime',
    'data',
    'architectures',
    'fairness',
    'train',
  ],
  crypto: [
    'platform',
    'params.ts',
    'spec.ts',
    'prg.ts',
    'bits.ts',
    'hash.ts',
    'share.ts',
    'channel',
    'ring',
    'pool',
    'he',
    'ot',
    'sign',
    'products',
    'steps',
    'worker',
  ],
  pipelines: [
    'plan',
    'compile',
    'inference',
    'cost',
    'simulate',
    'circa',
    'fairness',
    'reduce',
    'bench',
    'pareto',
    'recipes',
  ],
  src: ['web', 'net', 'asking', 'serving', 'browser', 'page', 'client.ts', 'server.ts', 'index.ts', 'cli'],
};

/** Inside a room too, where it has folders of its own. */
const innerRooms: Readonly<Record<string, readonly string[]>> = {
  'src/cli': ['output', 'options', 'commands', 'program.ts', 'run.ts', 'main.ts'],
};

/** Top-level folders, lowest first; those of one row never see each other. */
const floors: readonly (readonly string[])[] = [['src/shared'], ['models', 'crypto'], ['pipelines'], ['src']];

/** Packages that one room alone may import. */
const keepers: Readonly<Record<string, readonly string[]>> = {
  'node-seal': ['crypto/he'],
  piscina: ['crypto/worker', 'pipelines/simulate'],
  '@bufbuild/protobuf': ['models/onnx'],
  'onnxruntime-node': ['models/runtime/onnxruntime.ts'],
  ws: ['src/net', 'src/client.ts', 'src/server.ts'],
};

type Place = { readonly top: string; readonly floor: number; readonly room: string; readonly rank: number };

/** Where a file is; undefined in no room. */
function placeOf(file: string): Place | undefined {
  const top = Object.keys(rooms).find((name) => file.startsWith(`${name}/`));
  if (top === undefined) return undefined;
  const room = file.slice(top.length + 1).split('/')[0]!;
  const floor = floors.findIndex((row) => row.includes(top));
  const rank = top === 'src/shared' ? 0 : rooms[top]!.indexOf(room);
  return rank === -1 ? undefined : { top, floor, room: top === 'src/shared' ? '' : room, rank };
}

/** One line for each import that goes up or sideways, or takes a package that another room keeps. */
function violations(file: string, imports: readonly string[]): string[] {
  const from = placeOf(file);
  if (from === undefined) return [`${file}: in no room`];
  return imports
    .filter((name) => !allows(file, from, name))
    .map((name) => `${file} -> ${name.startsWith('.') ? posix.join(dirname(file), name) : name}`);
}

function allows(file: string, from: Place, name: string): boolean {
  if (!name.startsWith('.')) return allowsPackage(file, from, name);
  const target = posix.join(dirname(file), name);
  const to = placeOf(target);
  if (to === undefined) return false;
  if (to.top !== from.top) return to.floor < from.floor;
  if (to.room !== from.room) return to.rank < from.rank;
  return allowsInner(`${from.top}/${from.room}`, file, target);
}

function allowsInner(room: string, file: string, target: string): boolean {
  const order = innerRooms[room];
  if (order === undefined) return true;
  const rankOf = (path: string) => order.indexOf(path.slice(room.length + 1).split('/')[0]!);
  return rankOf(file) !== -1 && rankOf(target) !== -1 && rankOf(target) <= rankOf(file);
}

function allowsPackage(file: string, { top }: Place, name: string): boolean {
  if (top === 'src/shared') return name.startsWith('node:');
  if (name.startsWith('node:') && top === 'crypto') return file.startsWith('crypto/platform/');
  const keeper = Object.keys(keepers).find((kept) => name === kept || name.startsWith(`${kept}/`));
  return keeper === undefined || keepers[keeper]!.some((own) => file === own || file.startsWith(`${own}/`));
}

const importPattern =
  /(?:^|\n)\s*(?:(?:import|export)\s[^;']*?from|import)\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g;

function importsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), 'utf8');
  return [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? '');
}

const files = globSync('{src,models,crypto,pipelines}/**/*.ts', { cwd: packageRoot })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => !file.endsWith('.as.ts') && !file.endsWith('.d.ts'));

const importsByFile = new Map(files.map((file) => [file, importsOf(file)]));

test('every file is in a room, and imports only go down', () => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap((file) => violations(file, importsByFile.get(file)!))).toEqual([]);
});

/**
 * Pairs of folders that import each other: a folder is what lies beside each other, whatever room it is in.
 */
function mutualFolders(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const edges = new Set<string>();
  for (const [file, names] of imports) {
    for (const name of names.filter((name) => name.startsWith('.'))) {
      const [from, to] = [dirname(file), dirname(posix.join(dirname(file), name))];
      if (!isInside(from, to) && !isInside(to, from)) edges.add(`${from} ${to}`);
    }
  }
  return [...edges].filter((edge) => {
    const [from, to] = edge.split(' ');
    return from! < to! && edges.has(`${to} ${from}`);
  });
}

/** A folder and one within it are one room with a shelf. */
function isInside(folder: string, other: string): boolean {
  return folder === other || folder.startsWith(`${other}/`);
}

test('no two folders import each other', () => {
  expect(mutualFolders(importsByFile)).toEqual([]);
});

/** What a command's folder holds is its own; the sweep measures with the bench's two processes. */
test('no command imports the folder of another, but pareto that of bench', () => {
  const folderOf = (file: string) => /^src\/cli\/commands\/([^/]+)\//.exec(file)?.[1];
  const foreign = [...importsByFile].flatMap(([file, names]) =>
    names
      .filter((name) => name.startsWith('.'))
      .map((name) => posix.join(dirname(file), name))
      .filter((target) => {
        const [from, to] = [folderOf(file), folderOf(target)];
        const isCommand = file.startsWith('src/cli/commands/');
        return isCommand && to !== undefined && to !== from && `${from} ${to}` !== 'pareto bench';
      })
      .map((target) => `${file} -> ${target}`),
  );
  expect(foreign).toEqual([]);
});

/**
 * A second place that chooses images, passes or options makes another plan of the same model: a budget is met
 * by one that nobody serves.
 */
test('only served-plan.ts calibrates and compiles a model', () => {
  const calls = (file: string) =>
    /(?<!function )\b(calibrate|privateForm|compile)\(/.test(readFileSync(join(packageRoot, file), 'utf8'));
  const callers = files.filter((file) => !file.startsWith('src/web/') && calls(file));
  expect(callers).toEqual(['pipelines/compile/served-plan.ts']);
});

test('an import that goes up or sideways is found', () => {
  expect(violations('models/runtime/run.ts', ['../../crypto/share.ts'])).toHaveLength(1);
  expect(violations('src/shared/files.ts', ['zod'])).toHaveLength(1);
  expect(violations('crypto/ot/base.ts', ['node-seal', '../../pipelines/plan/plan.ts'])).toHaveLength(2);
  expect(violations('pipelines/compile/compile.ts', ['../../models/graph.ts', '../plan/plan.ts'])).toEqual(
    [],
  );
  expect(violations('pipelines/plan/plan.ts', ['../compile/compile.ts'])).toHaveLength(1);
  expect(violations('pipelines/stray.ts', [])).toEqual(['pipelines/stray.ts: in no room']);
  expect(violations('src/cli/output/output.ts', ['../options/command.ts'])).toHaveLength(1);
  expect(violations('models/ops/activations/relu.ts', ['@bufbuild/protobuf'])).toHaveLength(1);
});

test('two folders that import each other are found', () => {
  const imports = new Map([
    ['models/a/one.ts', ['../b/two.ts']],
    ['models/b/two.ts', ['../a/other.ts']],
    ['models/c/three.ts', ['../a/one.ts']],
  ]);
  expect(mutualFolders(imports)).toEqual(['models/a models/b']);
});

/** The files that lie on a circle of imports, types included: for each the first circle found, as a path. */
function circles(imports: ReadonlyMap<string, readonly string[]>): string[] {
  const finished = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (path.includes(file) || finished.has(file)) return;
    for (const name of imports.get(file) ?? []) {
      if (name.startsWith('.')) visit(posix.join(dirname(file), name), [...path, file]);
    }
    finished.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

test('no files import each other in a circle', () => {
  expect(circles(importsByFile)).toEqual([]);
});

test('a circle of imports is found', () => {
  const imports = new Map([
    ['models/a.ts', ['./b.ts']],
    ['models/b.ts', ['./c.ts', 'zod']],
    ['models/c.ts', ['./a.ts']],
    ['models/d.ts', ['./a.ts']],
  ]);
  expect(circles(imports)).toEqual(['models/a.ts -> models/b.ts -> models/c.ts -> models/a.ts']);
});

/** The files whose code a browser loads from `entry` on: imports of types alone load nothing. */
function loadedFrom(entry: string, found = new Set<string>()): Set<string> {
  if (found.has(entry)) return found;
  found.add(entry);
  for (const name of valueImportsOf(entry)) {
    if (name.startsWith('.')) loadedFrom(posix.join(dirname(entry), name), found);
  }
  return found;
}

function valueImportsOf(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), 'utf8');
  const isType = /^\s*(?:import|export)\s+type\s/;
  return [...text.matchAll(importPattern)]
    .filter((match) => !isType.test(match[0]))
    .map((match) => match[1] ?? match[2] ?? '');
}

/** What a browser does not have, or is too large for a page. */
function foreignToBrowsers(file: string): string[] {
  const text = readFileSync(join(packageRoot, file), 'utf8').replaceAll(/\/\*[^]*?\*\/|\/\/.*/g, '');
  const packages = valueImportsOf(file).filter((name) => /^(node:|ws$|piscina$|zod)/.test(name));
  const globals = [...text.matchAll(/\b(Buffer|process|__dirname)\b(?!:)/g)].map((match) => match[1]!);
  return [...packages, ...globals].map((name) => `${file}: ${name}`);
}

test.each(['browser/client', 'browser/session', 'browser/thread', 'page/client/page'])(
  'a browser can load src/%s.ts',
  (name) => {
    const loaded = loadedFrom(`src/${name}.ts`);
    expect(loaded.size).toBeGreaterThan(5);
    expect([...loaded].flatMap(foreignToBrowsers)).toEqual([]);
  },
);

test('what a browser cannot load is found', () => {
  const foreign = [...loadedFrom('src/client.ts')].flatMap(foreignToBrowsers);
  const expected = ['crypto/platform/node.ts: node:crypto', 'src/client.ts: ws', 'src/client.ts: Buffer'];
  expect(foreign).toEqual(expect.arrayContaining([...expected, 'crypto/worker/thread-pool.ts: piscina']));
});

test('a browser runs the code of the client for Node, but for its adapters', () => {
  const inNode = loadedFrom('src/client.ts');
  const inBrowser = new Set(
    ['src/browser/session.ts', 'src/browser/client.ts'].flatMap((entry) => [...loadedFrom(entry)]),
  );
  const own = [...inBrowser].filter((file) => !inNode.has(file)).sort();
  expect(own).toEqual([
    'crypto/platform/browser.ts',
    'crypto/platform/noble-group.ts',
    'crypto/worker/web-pool.ts',
    ...['asked-threads', 'assets', 'calls', 'client', 'page-threads', 'session', 'socket'].map(
      (name) => `src/browser/${name}.ts`,
    ),
  ]);
  expect(inBrowser.size - own.length).toBeGreaterThan(60);
});

test('the browser has a URL for every WASM file that its code reads', () => {
  const session = [...loadedFrom('src/browser/session.ts'), ...loadedFrom('src/browser/thread.ts')];
  const read = session.flatMap((file) =>
    [...readFileSync(join(packageRoot, file), 'utf8').matchAll(/readWasm\(\s*'([^']+)'/g)].map((m) => m[1]!),
  );
  expect(read.length).toBeGreaterThan(2);
  expect(
    read.filter((path) => !wasmPaths.includes(path)),
    'add it to src/browser/assets.ts',
  ).toEqual([]);
});
