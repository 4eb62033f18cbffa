import { defined } from '../../../src/shared/defined.ts';
import { sessionSetting } from '../../runtime/device.ts';
import type { SessionSetting } from '../../runtime/device.ts';
import type { Model } from '../../graph.ts';
import { TrainingEngine } from './onnxruntime/engine.ts';
import type { StepOptions } from '../step.ts';
import type { Engine } from './engine.ts';
import type { EngineName } from './names.ts';

export type { Engine };

export type EngineSetting = SessionSetting & {
  /**
   * The engine (default: onnxruntime). tfjs takes the fastest of its backends that works, and ignores
   * `device` and `threads`.
   */
  readonly engine?: EngineName;
};

/** The engine setting of options that hold more. */
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

/**
 * Creates an engine for a network. Throws UsageError if no weight is trainable, or if the engine cannot run
 * here.
 */
export function createEngine(
  model: Model,
  options: StepOptions,
  { engine = 'onnxruntime', ...setting }: EngineSetting = {},
): Promise<Engine> {
  return makers[engine](model, options, setting);
}
