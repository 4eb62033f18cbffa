import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadColumns } from '../ring/columns.ts';
import type { otJobs } from './jobs.ts';
import { checkBlock, drawBlock } from './soft-spoken.ts';

/** Loaded in threads alone. */
export const otImplementations: Implementations<typeof otJobs> = {
  drawBlock: async ({ seeds, place }) => {
    const drawn = drawBlock(await loadColumns(), seeds, place);
    return new Moved(drawn, [drawn.message.buffer, drawn.rows.buffer, drawn.choices.buffer]);
  },
  checkBlock: async ({ seeds, place, message }) => {
    const rows = checkBlock(await loadColumns(), seeds, place, message);
    return new Moved(rows, [rows.buffer]);
  },
};
