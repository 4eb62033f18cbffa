/**
 * What a network's file does with its logits at the end. It is taken off when the file is read, because
 * losses and private runs need the logits, and the client applies it. It is public.
 */
export const endings = ['softmax', 'logSoftmax', 'sigmoid'] as const;
export type Ending = (typeof endings)[number];

/** The outputs of the whole network, from the logits of one image. */
export function ended(ending: Ending, logits: Float32Array): Float32Array {
  return rules[ending](logits);
}

const rules: { readonly [E in Ending]: (logits: Float32Array) => Float32Array } = {
  softmax: (logits) => logSoftmax(logits).map(Math.exp),
  logSoftmax,
  sigmoid: (logits) => logits.map((z) => 1 / (1 + Math.exp(-z))),
};

/** The largest logit is subtracted first, so that no exponential overflows. */
function logSoftmax(logits: Float32Array): Float32Array {
  const largest = logits.reduce((most, z) => Math.max(most, z), -Infinity);
  const sum = logits.reduce((total, z) => total + Math.exp(z - largest), 0);
  return logits.map((z) => z - largest - Math.log(sum));
}
