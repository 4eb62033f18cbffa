import type { Plan } from './plan.ts';

/** The most characters of a class's name in a plan. */
export const longestClass = 200;

/** Names from a peer are printed, so they must not steer a terminal. */
export const printableName = /^[^\p{Cc}\p{Cf}\p{Co}\p{Cs}]*$/u;

/** A name as plans hold it: short, and without characters that steer a terminal. */
export function printableClass(name: string): string {
  return name.slice(0, longestClass).replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '?');
}

/** The name of a class for people: that of the plan, or its number: 'Sneaker (class 7)', 'class 7'. */
export function classText({ classes }: Pick<Plan, 'classes'>, label: number): string {
  const name = classes?.[label];
  return name === undefined || name === String(label) ? `class ${label}` : `${name} (class ${label})`;
}
