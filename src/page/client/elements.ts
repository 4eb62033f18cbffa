/** The element of the page with this id, which is of this kind. */
export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`the page has no ${kind.name} '${id}'`);
}

export function button(id: string): HTMLButtonElement {
  return element(id, HTMLButtonElement);
}

/** A new element with a class and contents. */
export function made<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...contents: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className !== '') node.className = className;
  node.append(...contents);
  return node;
}

export function show(node: HTMLElement, isShown: boolean): void {
  node.hidden = !isShown;
}
