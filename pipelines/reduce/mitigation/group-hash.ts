import { createHash } from 'node:crypto';
import type { Groups } from '../../../models/fairness/groups.ts';

/** Tells one grouping of the training images from another. */
export function hashOf({ names, codes }: Groups): string {
  return createHash('sha256').update(JSON.stringify(names)).update(codes).digest('hex');
}
