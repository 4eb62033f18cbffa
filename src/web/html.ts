/** Markup that is safe to insert as it is. */
export type Html = { readonly markup: string };

/** Marks text that is markup already, for example a drawn SVG. */
export function raw(markup: string): Html {
  return { markup };
}

/** A template tag. It escapes values unless they are Html, and joins lists. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  const markup = values.reduce<string>(
    (text, value, i) => text + render(value) + strings[i + 1]!,
    strings[0]!,
  );
  return { markup };
}

function render(value: string | number | Html | readonly Html[]): string {
  if (typeof value === 'object') {
    return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('');
  }
  return String(value).replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
