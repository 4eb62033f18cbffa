import type { Command } from 'commander';
import { chooseDevice } from '../../../models/runtime/device.ts';
import type { Device, DeviceChoice } from '../../../models/runtime/device.ts';
import type { EngineName } from '../../../models/train/engines/names.ts';
import { defined } from '../../shared/defined.ts';
import { whole } from './command.ts';
import { deviceOption, engineOption } from './inputs.ts';

export type ComputeOptions = {
  readonly device: DeviceChoice;
  readonly engine: EngineName;
  readonly threads?: number;
};

/** Adds `--device` and `--engine` to a command that trains. */
export function addComputeOptions(command: Command): void {
  command.addOption(deviceOption()).addOption(engineOption());
}

/** Adds `--threads` to a command that trains one network. Others divide the cores among their jobs. */
export function addThreadsOption(command: Command): void {
  command.option(
    '--threads <n>',
    'onnxruntime threads (default: one per core; use 1 for parallel trainings)',
    whole(1, 256),
  );
}

export type Computing = {
  /** Options for training and evaluation. When the first training begins, `onStart` prints what trains. */
  readonly setting: {
    readonly device: Device;
    readonly engine: EngineName;
    readonly threads?: number;
    readonly onStart: (runsOn: string) => void;
    readonly onNote: (sentence: string) => void;
  };
  /** The engine and device that trained, in words; '' before the first training. */
  readonly runsOn: () => string;
};

/** Tries the device. Throws UsageError if it does not work. */
export async function computingOf(
  { device: choice, engine, threads }: ComputeOptions,
  say: (line: string) => void,
): Promise<Computing> {
  const device = await chooseDevice(choice);
  if (choice !== 'cpu') say(`device: ${device}`);
  let told = '';
  const onStart = (runsOn: string) => {
    if (told !== runsOn) say(`training with ${runsOn}`);
    told = runsOn;
  };
  const setting = defined({ device, engine, onStart, onNote: say, threads });
  return { setting, runsOn: () => told };
}
