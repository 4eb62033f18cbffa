import { defined } from '../../../src/shared/defined.ts';
import { sessionSetting } from '../../runtime/device.ts';
import type { SessionSetting } from '../../runtime/device.ts';
import type { Model } from '../../graph.ts';
import { TrainingEngine } from './onnxruntime/engine.ts';
import type { StepOptions } from '../step.ts';
import type { Engine } from './engine.ts';

export type { Engine };

/** What trains: onnxruntime with our gradients, or TensorFlow.js with its own. */
export const engineNames = ['onnxruntime', 'tfjs'] as const;
export type EngineName = (typeof engineNames)[number];

export type EngineSetting = SessionSetting & {
  /** onnxruntime where left out. tfjs takes the fastest of its backends that works; `device` and `threads` are none of its. */
  readonly engine?: EngineName;
};

/** The setting alone, of options that hold more. */
export function engineSetting({ engine, ...setting }: EngineSetting): EngineSetting {
  return { ...defined({ engine }), ...sessionSetting(setting) };
}

const makers: {
  readonly [K in EngineName]: (
    model: Model,
    options: StepOptions,
    setting: SessionSetting,
  ) => Promise<Engine>;
} = {
  onnxruntime: (model, options, setting) => TrainingEngine.create(model, options, setting),
  tfjs: async (model, options) => (await import('./tfjs/engine.ts')).TfjsEngine.create(model, options),
};

/** Throws UsageError where nothing is trainable, and where the engine cannot run here. */
export function createEngine(
  model: Model,
  options: StepOptions,
  { engine = 'onnxruntime', ...setting }: EngineSetting = {},
): Promise<Engine> {
  return makers[engine](model, options, setting);
}
