import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/shared/files.ts';
import { exampleOf, exampleOutput, pagesWithExample } from '../helpers/processes/library-example.ts';

/** As docs/library.md says; the rest is for speed and quiet. */
const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];

/** A project that has nothing but the package. */
let project: string;
let installed: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'reluctant-installed-'));
  installed = join(project, 'node_modules/reluctant');
  // `npm pack` builds dist/ anew.
  execFileSync('npm', ['pack', '--silent', '--pack-destination', project], { cwd: packageRoot });
  const tarball = globSync('reluctant-*.tgz', { cwd: project })[0]!;
  write('package.json', JSON.stringify({ name: 'user', private: true, type: 'module' }));
  execFileSync('npm', ['install', ...flags, `./${tarball}`], { cwd: project, stdio: 'pipe' });
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

function write(name: string, text: string): void {
  writeFileSync(join(project, name), text);
}

function run(command: string, args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: project, encoding: 'utf8' });
  return { status, stdout, stderr };
}

describe('what is installed', () => {
  test('the command says its version', () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
      version: string;
    };
    const main = join(installed, 'dist/src/cli/main.js');
    expect(run(process.execPath, [main, '--version'])).toEqual({
      status: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
    expect(existsSync(join(project, 'node_modules/.bin/reluctant'))).toBe(true);
  });

  test('each file of dist/ comes from a source that is there', () => {
    // dist/browser is bundles, made anew by each build.
    const files = globSync('dist/**/*.{js,d.ts}', { cwd: installed }).filter(
      (file) => !file.startsWith(join('dist', 'browser')),
    );
    expect(files.length).toBeGreaterThan(500);
    const sourceOf = (file: string) => file.replace(/^dist./, '').replace(/(?:\.d\.ts|\.js)$/, '');
    const stale = files.filter(
      (file) => !['.ts', '.js'].some((end) => existsSync(join(packageRoot, sourceOf(file) + end))),
    );
    expect(stale).toEqual([]);
  });

  test('no source, test or map comes along', () => {
    const others = globSync('**/*', { cwd: installed, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(installed.length + 1)
          .replaceAll('\\', '/'),
      )
      .filter((file) => !file.startsWith('dist/'));
    // The example of a client in another language is a document.
    expect(others.filter((file) => /\.(?:[cm]?[jt]s|map|py)$/.test(file))).toEqual([
      'docs/examples/gateway.py',
    ]);
    expect(others).toContain('models/zoo/fashion-resnet8.onnx');
  });
});

describe('the program of the documents', () => {
  const example = exampleOf(pagesWithExample[0]!);

  test('runs as it is', () => {
    write('example.js', example);
    const { status, stdout, stderr } = run(process.execPath, ['example.js']);
    expect(stderr).toBe('');
    expect(stdout).toMatch(exampleOutput);
    expect(status).toBe(0);
  });

  /** Uses what a caller's variables have to name: options, results, callbacks. */
  const typed = `
import { UsageError, compareModels, connect, loadDataset, loadModel, prepare, readImage, reduce } from 'reluctant';
import type { Dataset, InferenceResult, Model, OnProgress, Plan, Prepared, ReduceOptions, ServerOptions } from 'reluctant';

const onProgress: OnProgress = ({ done, total }) => process(done / total);
declare function process(share: number): void;
const options: ReduceOptions = { method: 'autorep', budget: '1s@wan', data: 'fashion-mnist-part', onProgress };
export async function serve(file: string): Promise<ServerOptions> {
  const model: Model = await loadModel(file);
  const data: Dataset = await loadDataset('fashion-mnist-part', 'train');
  const reduced: Model = (await reduce(model, options)).model;
  const report = await compareModels([{ name: 'before', model }, { name: 'after', model: reduced }], data);
  const { plan, weights }: Prepared = await prepare(reduced, { calibration: data, precision: 12 });
  const steps: Plan['steps'] = plan.steps;
  return { plan, weights, port: steps.length + Object.keys(report).length };
}
export async function ask(url: string): Promise<InferenceResult> {
  const session = await connect(url);
  if (session.inputShape.length !== 3) throw new UsageError('no image');
  return session.infer(await readImage('photo.jpg', session.inputShape, { mean: 0.5, std: [0.2, 0.2, 0.2] }));
}
// @ts-expect-error there is no such method
export const wrong: ReduceOptions = { method: 'magic', budget: 0.5, data: 'fashion-mnist-part' };
`;

  const compilers = {
    NodeNext: { module: 'NodeNext', moduleResolution: 'NodeNext' },
    'a bundler': { module: 'ESNext', moduleResolution: 'Bundler' },
  };

  test.each(Object.entries(compilers))(
    'compiles for %s, strict, libraries checked too',
    (_name, resolution) => {
      write('example.ts', example);
      write('typed.ts', typed);
      const strict = { strict: true, skipLibCheck: false, exactOptionalPropertyTypes: true, noEmit: true };
      const compilerOptions = {
        ...strict,
        ...resolution,
        target: 'ES2022',
        types: [],
        lib: ['ES2022', 'DOM'],
      };
      write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['example.ts', 'typed.ts'] }));
      const compiler = join(packageRoot, 'node_modules/typescript/bin/tsc');
      expect(run(process.execPath, [compiler, '-p', '.'])).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );
});
