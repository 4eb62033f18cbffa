import { defined } from '../../src/shared/defined.ts';
import { DataError } from '../../src/shared/errors.ts';
import type { Graph, Model } from '../graph.ts';
import { sizeOf } from '../tensor.ts';
import { labelsOf } from './labelled-images.ts';
import type { Dataset } from './labelled-images.ts';

/** A data set whose labels are the numbers of a network's logits, and how that was found out. */
export type Matched = {
  readonly dataset: Dataset;
  /** A sentence; undefined if the classes have the same names, or the same numbers, in both. */
  readonly note: string | undefined;
};

/** The same, or the reason why it would be a guess. */
export type Match = Matched | { readonly refusal: string };

/**
 * Matches the classes of a data set with the logits of a network. Names are matched with the names that the
 * network has; names that are whole numbers are numbers of logits; labels that the data itself numbers stay;
 * folders, as many as there are logits, are in alphabetical order, as torchvision numbers them. Everything
 * else would be a guess, and is a DataError.
 */
export function matchClasses(model: Pick<Model, 'graph'>, dataset: Dataset): Matched {
  const match = findMatch(model, dataset);
  if ('refusal' in match) throw new DataError(`${dataset.name}: ${match.refusal}`);
  return match;
}

/** Like `matchClasses`, but returns the reason of a refusal. */
export function findMatch({ graph }: Pick<Model, 'graph'>, dataset: Dataset): Match {
  const logits = logitsOf(graph);
  const found = numbersOf(graph, dataset, logits);
  if ('refusal' in found) return found;
  const { numbers, how } = found;
  const classes = graph.classes ?? namesAt(numbers, dataset.classes, logits);
  const fewer = dataset.classes.length < logits;
  const told = [how, fewer ? fewerNote(dataset, graph, logits) : undefined].filter(
    (part) => part !== undefined,
  );
  const note = told.length === 0 ? undefined : `${dataset.name}: ${told.join('; ')}`;
  if (isIdentity(numbers) && areEqual(classes, dataset.classes)) return { dataset, note };
  const labels = labelsOf(logits, dataset.labels, (label) => numbers[label]!);
  return { dataset: defined({ ...dataset, classes, labels, classOrder: undefined }), note };
}

/** The network with names for its logits if it has none, and if these are names and not only numbers. */
export function withClasses(model: Model, names: readonly string[] | undefined): Model {
  const { graph } = model;
  if (graph.classes !== undefined || names === undefined || names.length !== logitsOf(graph)) return model;
  return areNumbers(names) && isIdentity(names.map(Number))
    ? model
    : { ...model, graph: { ...graph, classes: names } };
}

type Numbers = { readonly numbers: readonly number[]; readonly how: string | undefined };

/** The logit of each class of the data. */
function numbersOf(graph: Graph, dataset: Dataset, logits: number): Numbers | { readonly refusal: string } {
  const { classes: own, classOrder } = dataset;
  const named = graph.classes && byName(graph.classes, own);
  if (named !== undefined) return named;
  if (areNumbers(own)) return byNumber(graph, own, logits);
  if (graph.classes !== undefined) return { refusal: strangerText(graph, own) };
  if (own.length > logits)
    return { refusal: `it has ${own.length} classes, but ${graph.name} knows ${logits}` };
  if (classOrder === undefined) return { numbers: own.map((_, i) => i), how: undefined };
  if (classOrder === 'folders' && own.length === logits) {
    const how = `its folders are taken for the classes in alphabetical order: ${listed(own)}`;
    return { numbers: own.map((_, i) => i), how };
  }
  return { refusal: guessText(graph, own, logits) };
}

function byName(names: readonly string[], own: readonly string[]): Numbers | undefined {
  const exact = own.map((name) => names.indexOf(name));
  const isExact = exact.every((i) => i >= 0);
  const plainNames = names.map(plain);
  const numbers = isExact ? exact : own.map((name) => plainNames.indexOf(plain(name)));
  if (numbers.includes(-1) || new Set(numbers).size !== numbers.length) return undefined;
  const how = isExact && isIdentity(numbers) ? undefined : 'its classes are matched by their names';
  return { numbers, how };
}

/** A name without case, spaces and punctuation. */
function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

function byNumber(
  graph: Graph,
  own: readonly string[],
  logits: number,
): Numbers | { readonly refusal: string } {
  const numbers = own.map(Number);
  const beyond = own.find((_, i) => numbers[i]! >= logits);
  if (beyond !== undefined)
    return {
      refusal:
        `it has a class ${beyond}, but ${graph.name} numbers its ${logits} classes from 0 to ${logits - 1}; ` +
        'name its classes in their order with --classes',
    };
  return { numbers, how: isIdentity(numbers) ? undefined : 'the names of its classes are taken for numbers' };
}

function strangerText({ name, classes = [] }: Graph, own: readonly string[]): string {
  const known = new Set(classes.map(plain));
  const stranger = own.find((one) => !known.has(plain(one))) ?? own[0]!;
  return (
    `its class '${stranger}' is none of those of ${name}: ${listed(classes)}; ` +
    "rename it, or give the network's classes in the words of the data with --classes"
  );
}

function guessText({ name }: Graph, own: readonly string[], logits: number): string {
  return (
    `${name} has ${logits} classes without names, and which of them are ${listed(own)} would be a guess; ` +
    'name its classes in their order with --classes, or number them in the data'
  );
}

function fewerNote({ classes }: Dataset, { name }: Graph, logits: number): string {
  return `it has ${classes.length} of the ${logits} classes of ${name}`;
}

function listed(names: readonly string[]): string {
  const some = names.slice(0, mostListed).join(', ');
  return names.length > mostListed ? `${some}, ...` : some;
}

const mostListed = 12;

/** The names of all logits; a logit that the data has no images of is called by its number. */
function namesAt(numbers: readonly number[], own: readonly string[], logits: number): string[] {
  const names = Array.from({ length: logits }, (_, i) => String(i));
  if (!areNumbers(own)) numbers.forEach((number, i) => (names[number] = own[i]!));
  return names;
}

function areNumbers(names: readonly string[]): boolean {
  return names.every((name) => /^\d{1,9}$/.test(name));
}

function isIdentity(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => number === i);
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function logitsOf({ outputs }: Graph): number {
  return sizeOf(outputs[0]!.shape);
}
