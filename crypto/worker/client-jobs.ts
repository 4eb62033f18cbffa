import { heClientImplementations } from '../he/client-implementations.ts';
import { otImplementations } from '../ot/implementations.ts';
import { productImplementations } from '../products/implementations.ts';
import { signImplementations } from '../sign/implementations.ts';

/** What a browser's thread does. It loads no code that computes with weights. */
export const clientJobs = {
  ...heClientImplementations,
  ...otImplementations,
  ...signImplementations,
  ...productImplementations,
};
