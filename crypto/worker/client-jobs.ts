import { heClientImplementations } from '../he/client-implementations.ts';
import { otImplementations } from '../ot/implementations.ts';
import { productClientImplementations } from '../products/client-implementations.ts';
import { signClientImplementations } from '../sign/client-implementations.ts';

/** What a browser's thread does. It loads no code that computes with weights. */
export const clientJobs = {
  ...heClientImplementations,
  ...otImplementations,
  ...signClientImplementations,
  ...productClientImplementations,
};
