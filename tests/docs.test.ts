import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Act } from '../src/cli/options/command.ts';
import { buildProgram } from '../src/cli/program.ts';
import { packageRoot } from '../src/shared/files.ts';

const files = globSync(['*.md', 'docs/**/*.md', 'models/**/*.md'], { cwd: packageRoot })
  .map((file) => file.replaceAll('\\', '/'))
  .sort();

const textOf = (file: string) => readFileSync(join(packageRoot, file), 'utf8');

/**
 * The words of each `npx reluctant ...` line in a code block, as a shell splits them, without what it
 * redirects.
 */
function commandsOf(markdown: string): string[][] {
  const joined = markdown.replaceAll(/\\\n\s*/g, '');
  return [...joined.matchAll(/^\s*npx reluctant (.+)$/gm)].map(([, line]) => {
    const [command = ''] = line!.split(/ (?:[>|&]|&&) /);
    return [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  });
}

/** Runs no command: only its arguments and options are read. */
const readOnly: Act = () => () => Promise.resolve();

async function parse(words: readonly string[]): Promise<void> {
  const program = await buildProgram(words, '0.0.0', readOnly);
  await program.parseAsync(words, { from: 'user' });
}

describe('commands in the documents', () => {
  const shown = files.flatMap((file) => commandsOf(textOf(file)).map((words) => ({ file, words })));

  test('README.md and docs/ show many', () => {
    expect(shown.filter(({ file }) => file === 'README.md').length).toBeGreaterThan(5);
    expect(shown.filter(({ file }) => file.startsWith('docs/')).length).toBeGreaterThan(10);
  });

  test.each(shown.map(({ file, words }) => [file, words.join(' '), words] as const))(
    '%s: reluctant %s',
    async (_, __, words) => {
      await expect(parse(words)).resolves.toBeUndefined();
    },
  );

  test('an option, a choice, a command or an argument that does not exist is found', async () => {
    for (const line of [
      'plan net.onnx --no-such-option',
      'reduce net.onnx --method dropout --budget 1 --data d --out o',
      'fly net.onnx',
      'pareto fly sweep extra',
      'inspect',
    ])
      await expect(parse(line.split(' ')), line).rejects.toThrow();
  });
});

/** The relative links and pictures of a page. */
function linksOf(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^(?:https?:|mailto:|#)/.test(target));
}

/** GitHub's name for a heading. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(files)('every link in %s leads to a file and a heading', (file) => {
  const broken = linksOf(textOf(file)).filter((link) => {
    const [path = '', anchor] = link.split('#');
    const target = join(packageRoot, dirname(file), path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor);
  });
  expect(broken).toEqual([]);
});

/** The sources of the repository, with a slash before each path. */
const sources = globSync(['{src,models,crypto,pipelines,tests}/**/*.ts', '*.ts'], { cwd: packageRoot }).map(
  (file) => `/${file.replaceAll('\\', '/')}`,
);

/** The sources that a page names between backticks, by path or by the end of one. */
function sourcesNamedIn(markdown: string): string[] {
  return [...markdown.matchAll(/`([\w./-]*\w\.ts)`/g)].map(([, name]) => name!);
}

test.each(files)('every source and test that %s names is there', (file) => {
  const names = sourcesNamedIn(textOf(file)).filter((name) => name !== 'example.ts');
  expect(names.filter((name) => !sources.some((source) => source.endsWith(`/${name}`)))).toEqual([]);
});

test('the index of docs/ has every page', () => {
  const pages = globSync('*.md', { cwd: join(packageRoot, 'docs') }).filter((page) => page !== 'README.md');
  const links = linksOf(textOf('docs/README.md'));
  expect(pages.filter((page) => !links.includes(page))).toEqual([]);
});

test('CONTRIBUTING.md says what every folder is for', () => {
  const folders = globSync('{models,crypto,pipelines,src}/*/', { cwd: packageRoot });
  const rooms = folders.map((folder) => folder.replaceAll('\\', '/').replace(/\/$/, ''));
  expect(rooms.length).toBeGreaterThan(20);
  const text = textOf('CONTRIBUTING.md');
  expect(rooms.filter((room) => !text.includes(`| \`${room}\``))).toEqual([]);
});

test('the README begins with the demo, then the tests', () => {
  const blocks = [...textOf('README.md').matchAll(/^```\w*\n([^]*?)^```$/gm)].map(([, text]) => text!.trim());
  expect(blocks.slice(0, 2)).toEqual(['npm ci && npx reluctant demo', 'npm ci && npm test']);
});

test('the README is short', () => {
  expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(200);
});
