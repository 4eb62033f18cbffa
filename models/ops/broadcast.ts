import type { Shape } from '../tensor.ts';
import { refuse } from '../refusal.ts';

/**
 * The shape of ONNX's multidirectional broadcasting: shapes are aligned at their ends, and a size of 1
 * stretches. Refuses shapes that do not broadcast.
 */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      refuse(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return x === 1 ? y : x;
  });
}
