import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defined } from '../shared/defined.ts';
import { packageRoot } from '../shared/files.ts';
import type { About } from './about.ts';

/** The folder with the page, the client and what they load; `npm run build:browser` makes it. */
const folder = join(packageRoot, 'dist', 'browser');

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

/** What browsers take, best first. */
const encodings = ['br', 'gzip'] as const;
type Encoding = (typeof encodings)[number];

type File = {
  readonly type: string;
  readonly body: Buffer;
  readonly encoded: { readonly [E in Encoding]?: Buffer };
  readonly tag: string;
};

/**
 * Answers HTTP requests with the page in which people ask the server. `about` is asked for at each visit.
 * Rejects when the page has not been built.
 */
export async function openSite(about: () => About): Promise<RequestListener> {
  const files = await readSite();
  return (request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405);
    const name = path === '/' ? 'page.html' : path.slice(1);
    const file = name === 'about.json' ? fileOf(name, Buffer.from(JSON.stringify(about()))) : files.get(name);
    if (file === undefined) return refuse(response, 404);
    answer(request, response, file);
  };
}

async function readSite(): Promise<Map<string, File>> {
  try {
    const names = (await readdir(folder)).filter((name) => extname(name) in contentTypes);
    const files = names.map(async (name) => {
      const [body, br] = await Promise.all([name, `${name}.br`].map((file) => readFile(join(folder, file))));
      return [name, fileOf(name, body!, br)] as const;
    });
    return new Map(await Promise.all(files));
  } catch (cause) {
    throw new Error(`${folder} is missing: run 'npm run build:browser'`, { cause });
  }
}

/** `br` is the body as Brotli packs it, which the build does: its best level takes seconds. */
function fileOf(name: string, body: Buffer, br?: Buffer): File {
  const tag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  return {
    type: contentTypes[extname(name)]!,
    body,
    encoded: { ...defined({ br }), gzip: gzipSync(body) },
    tag,
  };
}

function answer(request: IncomingMessage, response: ServerResponse, file: File): void {
  const { host = '' } = request.headers;
  response.setHeaders(new Map([...Object.entries(safety(host)), ['etag', file.tag]]));
  if (request.headers['if-none-match'] === file.tag) return void response.writeHead(304).end();
  const taken = String(request.headers['accept-encoding'] ?? '').split(/[\s,;]+/);
  const encoding = encodings.find((name) => taken.includes(name) && file.encoded[name] !== undefined);
  const body = encoding === undefined ? file.body : file.encoded[encoding]!;
  response.writeHead(200, {
    'content-type': file.type,
    'content-length': body.length,
    ...(encoding !== undefined && { 'content-encoding': encoding }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

/**
 * The page loads nothing from elsewhere and talks to this server alone. Isolation gives its workers the
 * shared memory that they need.
 */
function safety(host: string): Record<string, string> {
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : '';
  return {
    'content-security-policy':
      "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; worker-src 'self'; " +
      `img-src 'self' blob: data:; media-src blob:; connect-src 'self'${sockets}; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(self), microphone=(), geolocation=()',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-cache',
    vary: 'accept-encoding',
  };
}

function refuse(response: ServerResponse, status: 404 | 405): void {
  const allow = status === 405 ? { allow: 'GET, HEAD' } : {};
  response.writeHead(status, { 'content-type': 'text/plain', ...allow });
  response.end(status === 404 ? 'There is no such page.\n' : 'This server answers GET and HEAD.\n');
}
