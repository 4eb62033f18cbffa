/** Markup that is safe to insert as it is. */
export type Html = { readonly markup: string };

/** Marks text that is markup already, e.g. a drawn SVG. */
export function raw(markup: string): Html {
  return { markup };
}

/** Tagged template: values are escaped unless they are Html; lists are joined. */
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
