/**
 * The mean over images of KL(softmax(a / T) || softmax(b / T)) at the temperature T. `a` and `b` are logits
 * [n, classes].
 */
export function divergence(a: Float32Array, b: Float32Array, classes: number, temperature: number): number {
  const n = a.length / classes;
  let sum = 0;
  for (let i = 0; i < a.length; i += classes) {
    const [p, q] = [a, b].map((logits) => logSoftmax(logits.subarray(i, i + classes), temperature));
    p!.forEach((value, k) => (sum += Math.exp(value) * (value - q![k]!)));
  }
  return sum / n;
}

function logSoftmax(logits: Float32Array, temperature: number): Float64Array {
  const scaled = new Float64Array(logits).map((value) => value / temperature);
  const largest = Math.max(...scaled);
  const normaliser = largest + Math.log(scaled.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return scaled.map((value) => value - normaliser);
}
