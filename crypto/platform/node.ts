import { createCipheriv, createHash, createSecretKey } from 'node:crypto';
import { setPriority } from 'node:os';
import { readPackageFile } from '../../src/shared/files.ts';
import type { ReceiverGroup, SenderGroup } from './group.ts';
import { checkBlocks, usePlatform } from './platform.ts';
import type { Encrypt, Platform } from './platform.ts';

/**
 * Node's platform: AES and SHA-256 through OpenSSL, ristretto255 through libsodium. Importing this file makes
 * it the thread's platform. It is the only file of crypto/ that imports node: modules.
 */
export const nodePlatform: Platform = {
  aesEcb,
  aesCtr,
  sha256,
  ghash,
  senderGroup: group,
  receiverGroup: group,
  readWasm,
};
usePlatform(nodePlatform);

/** Each call pays for one key schedule: 1.4 us, where the same key as bytes takes createCipheriv 9 us. */
function aesEcb(key: Uint8Array): Encrypt {
  const cipher = createCipheriv('aes-128-ecb', createSecretKey(key), null);
  cipher.setAutoPadding(false);
  return (blocks, to) => {
    checkBlocks(blocks, to);
    const made = cipher.update(blocks);
    if (to === undefined) return made;
    to.set(made);
    return to;
  };
}

function aesCtr(key: Uint8Array, counter: Uint8Array): (n: number) => Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv('aes-128-ctr', createSecretKey(key), counter);
  return (n) => cipher.update(zeros(n));
}

const zeroBytes = new Uint8Array(1 << 18);

/**
 * Nobody writes to these zeros, so calls share them: a column of an OT extension (128 streams per call) then
 * costs one allocation instead of two.
 */
function zeros(n: number): Uint8Array {
  return n > zeroBytes.byteLength ? new Uint8Array(n) : zeroBytes.subarray(0, n);
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

const noNonce = new Uint8Array(12);

/** 2 us a call and under 0.1 ns a byte. */
function ghash(key: Uint8Array, parts: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const cipher = createCipheriv('aes-128-gcm', createSecretKey(key), noNonce);
  for (const part of parts) cipher.setAAD(part);
  cipher.final();
  return new Uint8Array(cipher.getAuthTag());
}

/** Loaded by the first session that asks: 80 ms. */
async function group(): Promise<SenderGroup & ReceiverGroup> {
  const { sodiumGroup } = await import('./sodium-group.ts');
  return sodiumGroup();
}

async function readWasm(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readPackageFile(path);
  } catch (cause) {
    throw new Error(`${path} is missing: run 'npm run build:kernels'`, { cause });
  }
}

/**
 * Lowers the priority of the calling thread below that of the process. Linux alone gives each thread a
 * priority of its own; elsewhere nothing happens. By four steps: the main thread then gets twice its time
 * where both want to run, and other processes on the machine do not starve the thread, as they do by ten.
 */
export function yieldToMainThread(): void {
  if (process.platform === 'linux') setPriority(4);
}
