import { isOriginal } from '../../../pipelines/pareto/series.ts';
import { ink } from '../charts.ts';

/** How one series is drawn. Series differ in shape as well as in colour. */
export type SeriesLook = { readonly series: string; readonly colour: string; readonly shape: string };

/** Each colour has a contrast of at least 4.5 : 1 with its page, which is white or #14181c. */
export const palette = [
  { light: '#0d6986', dark: '#56d4dd' },
  { light: '#b0440b', dark: '#ffa657' },
  { light: '#6f42c1', dark: '#c4a1ff' },
  { light: '#2a7a2f', dark: '#7ee787' },
  { light: '#ad1f63', dark: '#ff8fc0' },
  { light: '#1c5fc4', dark: '#79b8ff' },
  { light: '#7b5a13', dark: '#e3c46a' },
] as const;

const shapes = [
  'circle',
  'square',
  'triangle-up',
  'cross',
  'triangle-down',
  'triangle-right',
  'triangle-left',
] as const;

/**
 * The looks of series. A method has one colour, with and without additions, and each series has a shape. No
 * two of fewer than 50 series look alike. The original is grey.
 */
export function looksOf(series: readonly string[]): SeriesLook[] {
  const named = series.filter((name) => !isOriginal(name));
  const methods = [...new Set(named.map(methodOf))];
  const taken = new Set<string>();
  const looks = named.map((name, i) => {
    const wanted = looksFrom(methods.indexOf(methodOf(name)), i);
    const look = wanted.find(({ colour, shape }) => !taken.has(colour + shape)) ?? wanted[0]!;
    taken.add(look.colour + look.shape);
    return { series: name, ...look };
  });
  const originals = series.filter(isOriginal);
  return [...originals.map((name) => ({ series: name, colour: ink.before, shape: 'diamond' })), ...looks];
}

/**
 * All pairs of a colour and a shape, from these two on: all shapes of one colour come before the next colour.
 */
function looksFrom(colour: number, shape: number): Omit<SeriesLook, 'series'>[] {
  return Array.from({ length: palette.length * shapes.length }, (_, i) => ({
    colour: palette[(colour + Math.floor(i / shapes.length)) % palette.length]!.light,
    shape: shapes[(shape + i) % shapes.length]!,
  }));
}

function methodOf(series: string): string {
  return series.split('+')[0]!;
}

/** CSS for dark pages, like `darkRules` of charts.ts. */
export const darkPalette: string = palette
  .map(({ light, dark }) => `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`)
  .join('');
