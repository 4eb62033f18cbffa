import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, ProtocolError } from '../../src/shared/errors.ts';
import { writeFileAtomic } from '../../src/shared/files.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { cacheFolder } from './images/disk.ts';
import { gunzip, isGzip } from './images/idx.ts';

/** The files of a data set, and the mirrors to download them from. */
export type Source = {
  /** URLs that are tried in turn; each ends with a slash. */
  readonly mirrors: readonly string[];
  /** SHA-256 of each file's uncompressed content, because mirrors compress it differently. */
  readonly files: Readonly<Record<string, string>>;
};

export const sources = {
  'fashion-mnist': {
    // The two addresses by Zalando (https://github.com/zalandoresearch/fashion-mnist).
    // Plain http is safe, because the hash is checked.
    mirrors: [
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
      'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    ],
    files: {
      'train-images-idx3-ubyte.gz': 'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
      'train-labels-idx1-ubyte.gz': 'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
      't10k-images-idx3-ubyte.gz': '5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
      't10k-labels-idx1-ubyte.gz': '0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
    },
  },
} as const satisfies Record<string, Source>;

export type FetchableDataset = keyof typeof sources;
export const fetchableDatasets = Object.keys(sources) as FetchableDataset[];

/**
 * The most bytes to download per file. The largest file has 26 MB, so a mirror that sends more sends another
 * file.
 */
const maxDownload = 64 * 2 ** 20;

export type FetchOptions = {
  readonly onProgress?: OnProgress;
  /** Where to save the files (default: `cacheFolder(name)`). */
  readonly folder?: string;
};

/** Downloads the missing files of a data set and returns its folder. Throws as `fetchFiles` does. */
export async function fetchDataset(name: FetchableDataset, options: FetchOptions = {}): Promise<string> {
  const folder = options.folder ?? cacheFolder(name);
  await fetchFiles(sources[name], folder, options.onProgress);
  return folder;
}

/**
 * Downloads the files that are missing from the folder or have the wrong content. A file is written only if
 * its content has the known SHA-256. Throws ProtocolError with the reason for every mirror.
 */
export async function fetchFiles(
  source: Source,
  folder: string,
  onProgress: OnProgress = silent,
): Promise<void> {
  for (const [file, sha256] of Object.entries(source.files)) {
    const path = join(folder, file);
    if (await isIntact(path, sha256)) continue;
    await writeFileAtomic(path, await fetchVerified(source.mirrors, file, sha256, onProgress));
  }
}

async function isIntact(path: string, sha256: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  try {
    return contentHash(await readFile(path), path) === sha256;
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

async function fetchVerified(
  mirrors: readonly string[],
  file: string,
  sha256: string,
  onProgress: OnProgress,
): Promise<Uint8Array> {
  const reasons: string[] = [];
  for (const mirror of mirrors) {
    try {
      const bytes = await download(mirror + file, file, onProgress);
      const hash = contentHash(bytes, file);
      if (hash === sha256) return bytes;
      reasons.push(`${mirror + file}: expected content with SHA-256 ${sha256}, got ${hash}`);
    } catch (error) {
      reasons.push(`${mirror + file}: ${describe(error)}`);
    }
  }
  throw new ProtocolError(`${file}: it could not be downloaded from any mirror:\n  ${reasons.join('\n  ')}`);
}

/**
 * The message of an error. `fetch` hides the reason ('connect ECONNREFUSED') in the cause of 'fetch failed'.
 */
function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? `${message} (${cause.message})` : message;
}

function contentHash(bytes: Uint8Array, name: string): string {
  const content = isGzip(bytes) ? gunzip(bytes, name) : bytes;
  return createHash('sha256').update(content).digest('hex');
}

async function download(url: string, file: string, onProgress: OnProgress): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new ProtocolError(`HTTP status ${response.status}`);
  const total = Number(response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let done = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    done += chunk.length;
    if (done > maxDownload)
      throw new ProtocolError(`expected at most ${maxDownload} bytes, but the server sent more`);
    onProgress({ phase: 'download', of: file, done, total: Math.max(total, done) });
  }
  return Buffer.concat(chunks);
}
