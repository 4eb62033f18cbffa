import { tmpdir } from 'node:os';
import { basename, resolve } from 'node:path';
import { saveModel } from '../../../models/files/write.ts';
import type { Model } from '../../../models/graph.ts';

export type KeepOptions = {
  readonly warn: (line: string) => void;
  /**
   * Folders to try if the file cannot be written (default: the current one, and that for temporary files).
   */
  readonly folders?: readonly string[];
  /** Milliseconds before everything is tried again (default: 10,000). */
  readonly pause?: number;
};

/**
 * Writes the network of hours of training. If the disk is full or the folder is gone, it is written
 * elsewhere, and the error says where; if it can be written nowhere, it waits until there is room.
 */
export async function keepNetwork(
  out: string,
  model: Model,
  { warn, folders = [process.cwd(), tmpdir()], pause = 10_000 }: KeepOptions,
): Promise<void> {
  const reason = await failureOf(out, model);
  if (reason === undefined) return;
  for (const folder of folders) {
    const path = resolve(folder, `${Date.now()}-${basename(out)}`);
    if ((await failureOf(path, model)) !== undefined) continue;
    throw new Error(`--out ${reason}; the network is in ${path} instead`);
  }
  warn(`--out ${reason}; trying again every ${pause / 1000} s: make room, or stop and lose the network`);
  do await new Promise((wake) => setTimeout(wake, pause));
  while ((await failureOf(out, model)) !== undefined);
}

async function failureOf(path: string, model: Model): Promise<string | undefined> {
  try {
    await saveModel(path, model);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
