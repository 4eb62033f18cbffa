import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { prg } from '../prg.ts';
import { loadColumns } from '../ring/columns.ts';
import type { otJobs } from './jobs.ts';
import { chooseSilently, offerSilently } from './silent.ts';
import { silentTools } from './silent-work.ts';
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
  offerSilently: async ({ turn, delta, seed }) => {
    const { silent, columns } = await silentTools();
    const made = offerSilently(silent, columns, turn, delta, prg(seed));
    return new Moved(made, [made.rows.buffer, made.carried.buffer, made.corrections.buffer]);
  },
  chooseSilently: async ({ turn, corrections }) => {
    const { silent, columns } = await silentTools();
    const made = chooseSilently(silent, columns, turn, corrections);
    return new Moved(made, [made.rows.buffer, made.carried.buffer, made.choices.buffer]);
  },
};
