/** 1234567 -> '1,234,567' */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** 0.9134 -> '91.3 %' */
export function percent(fraction: number): string {
  return Number.isNaN(fraction) ? 'n/a' : `${(100 * fraction).toFixed(1)} %`;
}

/** A difference of fractions in percentage points: 0.0123 -> '1.2'. */
export function plainPoints(difference: number): string {
  const rounded = (100 * difference).toFixed(1);
  return rounded === '-0.0' ? '0.0' : rounded;
}

/** Like `plainPoints`, but with a plus sign for a rise: '+1.2'. */
export function points(difference: number): string {
  const rounded = plainPoints(difference);
  return Number(rounded) > 0 ? `+${rounded}` : rounded;
}

/** Like `plainPoints`, but 'n/a' for NaN. */
export function pointsIfKnown(difference: number): string {
  return Number.isNaN(difference) ? 'n/a' : plainPoints(difference);
}

/** 0.0042 -> '4.2 ms', 7.31 -> '7.3 s', 200 -> '3 min 20 s' */
export function duration(seconds: number): string {
  if (seconds < 1e-3) return `${(1e6 * seconds).toFixed(1)} µs`;
  if (seconds < 0.9995) return `${(1e3 * seconds).toPrecision(3)} ms`;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB'];

/** Uses decimal units, as is usual for network speeds: 1500 -> '1.5 KB'. */
export function bytes(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 999.5 && unit < byteUnits.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return `${unit === 0 || scaled >= 99.95 ? Math.round(scaled) : scaled.toFixed(1)} ${byteUnits[unit]!}`;
}

/** [1, 28, 28] -> '1 x 28 x 28' */
export function shape(sizes: readonly number[]): string {
  return sizes.join(' x ');
}

/** A scale as a power of two with one decimal: 4096 -> '2^12', 5000 -> '2^12.3'. */
export function scale(value: number): string {
  return `2^${Math.log2(value).toFixed(1).replace(/\.0$/, '')}`;
}
