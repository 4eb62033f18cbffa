import { expect, test } from 'vitest';
import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';

test('a map whose polarity nobody has said is no ReplacedElements', () => {
  const layers = new Map([['relu1', Uint8Array.of(1, 0)]]);
  // @ts-expect-error it may as well say what is kept
  const unsaid: ReplacedElements = layers;
  expect(replacedElements(layers)).toEqual(unsaid);
});
