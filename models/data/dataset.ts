import { DataError } from '../../src/shared/errors.ts';
import { formats } from './forms/formats.ts';
import type { Dataset, LoadOptions, Split } from './labelled-images.ts';
import { applyVariants, parseVariants, variants } from './variants.ts';

export { byteImages, classCounts, pixels, subset } from './labelled-images.ts';
export type { Columns, Dataset, Labels, LoadOptions, Split } from './labelled-images.ts';
export { fashionClasses } from './forms/fashion-mnist.ts';

/**
 * Loads one split of a data set. `spec` is a name or `prefix:argument` from the table `formats`, followed by
 * any number of the `variants`. Throws DataError for an unknown spec, and for files that are missing,
 * malformed or do not match.
 */
export async function loadDataset(spec: string, split: Split, options: LoadOptions = {}): Promise<Dataset> {
  const { base, chosen } = parseVariants(spec);
  return applyVariants(await loadForm(base, split, options), split, chosen);
}

async function loadForm(spec: string, split: Split, options: LoadOptions): Promise<Dataset> {
  const colon = spec.indexOf(':');
  const name = colon < 0 ? spec : spec.slice(0, colon);
  if (!Object.hasOwn(formats, name)) {
    const known = Object.values(formats).map((format) => format.spec);
    const added = Object.values(variants).map((variant) => variant.spec);
    throw new DataError(
      `data set '${spec}' is not known: expected ${known.join(', ')}; ` +
        `each may be followed by ${added.join(', ')}`,
    );
  }
  const format = formats[name]!;
  const argument = colon < 0 ? '' : spec.slice(colon + 1);
  if ((argument !== '') !== format.spec.includes(':')) {
    throw new DataError(`'${spec}': expected ${format.spec}`);
  }
  return format.read(argument, split, options);
}
