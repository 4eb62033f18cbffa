import { extname } from 'node:path';
import { UsageError } from '../../../../shared/errors.ts';
import { writeFileAtomic } from '../../../../shared/files.ts';
import { makeCard } from './make-card.ts';
import type { CardSource } from './make-card.ts';
import { cardMarkdown } from './markdown.ts';
import type { Card } from './schema.ts';

/** The forms of a card by the extension of its file. */
const forms: Readonly<Record<string, (card: Card) => string>> = {
  '.json': (card) => `${JSON.stringify(card, null, 2)}\n`,
  '.md': cardMarkdown,
};

/** Throws UsageError for a file of neither form. */
export function checkCard(file: string): void {
  if (!Object.hasOwn(forms, extname(file)))
    throw new UsageError(`--card ${file}: expected a file that ends in ${Object.keys(forms).join(' or ')}`);
}

/** Writes the model card of a comparison, in the form that the file's name says. */
export async function writeCard(file: string, source: CardSource): Promise<void> {
  const written = forms[extname(file)]!;
  await writeFileAtomic(file, written(await makeCard(source)));
}
