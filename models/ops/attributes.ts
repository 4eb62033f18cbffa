import type { RawAttribute, RawTensor } from '../onnx/raw.ts';
import { refuse } from '../refusal.ts';

/** Reads a node's attributes by name and type, and remembers which ones have been read. */
export class AttributeReader {
  readonly #attributes: Readonly<Record<string, RawAttribute>>;
  readonly #unread: Set<string>;
  readonly #asked = new Map<string, number | string | undefined>();

  constructor(attributes: Readonly<Record<string, RawAttribute>>) {
    this.#attributes = attributes;
    this.#unread = new Set(Object.keys(attributes));
  }

  int(name: string, fallback: number): number {
    const value = this.#take(name, fallback);
    if (value === undefined) return fallback;
    return 'int' in value ? value.int : refuse(`attribute ${name} is not an integer`);
  }

  float(name: string, fallback: number): number {
    const value = this.#take(name, fallback);
    if (value === undefined) return fallback;
    return 'float' in value ? value.float : refuse(`attribute ${name} is not a float`);
  }

  string(name: string, fallback: string): string {
    const value = this.#take(name, fallback);
    if (value === undefined) return fallback;
    return 'string' in value ? value.string : refuse(`attribute ${name} is not a string`);
  }

  ints(name: string): readonly number[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    return 'ints' in value ? value.ints : refuse(`attribute ${name} is not a list of integers`);
  }

  floats(name: string): readonly number[] | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    return 'floats' in value ? value.floats : refuse(`attribute ${name} is not a list of floats`);
  }

  tensor(name: string): RawTensor | undefined {
    const value = this.#take(name);
    if (value === undefined) return undefined;
    return 'tensor' in value ? value.tensor : refuse(`attribute ${name} is not a tensor`);
  }

  /** The attributes that were asked for, present or not, with their defaults (undefined: no default). */
  get asked(): ReadonlyMap<string, number | string | undefined> {
    return this.#asked;
  }

  /** Refuses attributes that nobody has read, because ignoring them in silence would change the result. */
  finish(): void {
    if (this.#unread.size > 0)
      refuse(`unknown attribute${this.#unread.size > 1 ? 's' : ''} ${[...this.#unread].join(', ')}`);
  }

  #take(name: string, fallback?: number | string): RawAttribute | undefined {
    this.#unread.delete(name);
    this.#asked.set(name, fallback);
    return Object.hasOwn(this.#attributes, name) ? this.#attributes[name] : undefined;
  }
}
