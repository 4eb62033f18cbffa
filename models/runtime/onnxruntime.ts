// The only import of onnxruntime: what it must not do is switched off before it loads.
import './without-telemetry.ts';

export { InferenceSession, Tensor } from 'onnxruntime-node';
