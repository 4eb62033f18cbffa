/** The training engines: onnxruntime with our gradients, or TensorFlow.js with its own. */
export const engineNames = ['onnxruntime', 'tfjs'] as const;
export type EngineName = (typeof engineNames)[number];
