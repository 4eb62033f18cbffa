import { heImplementations } from '../he/implementations.ts';
import { otImplementations } from '../ot/implementations.ts';
import { productImplementations } from '../products/implementations.ts';
import { signImplementations } from '../sign/implementations.ts';

/** What a thread does, of whichever party. Each room's own table is total by its type. */
export const allJobs = {
  ...heImplementations,
  ...otImplementations,
  ...signImplementations,
  ...productImplementations,
};
