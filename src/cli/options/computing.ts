import type { Command } from 'commander';
import { chooseDevice } from '../../../models/runtime/device.ts';
import type { Device, DeviceChoice } from '../../../models/runtime/device.ts';
import type { EngineName } from '../../../models/train/engines/index.ts';
import { defined } from '../../shared/defined.ts';
import { whole } from './command.ts';
import { deviceOption, engineOption } from './inputs.ts';

export type ComputeOptions = {
  readonly device: DeviceChoice;
  readonly engine: EngineName;
  readonly threads?: number;
};

/** `--device` and `--engine`, of commands that train. */
export function addComputeOptions(command: Command): void {
  command.addOption(deviceOption()).addOption(engineOption());
}

/** `--threads`, of commands that train one network: others divide the cores among their jobs. */
export function addThreadsOption(command: Command): void {
  command.option(
    '--threads <n>',
    'of onnxruntime; one where several trainings run beside each other; as many as cores where left out',
    whole(1, 256),
  );
}

export type Computing = {
  /** For what trains and evaluates; when the first training begins it says what trains. */
  readonly setting: {
    readonly device: Device;
    readonly engine: EngineName;
    readonly threads?: number;
    readonly onStart: (runsOn: string) => void;
  };
  /** What has trained, in words; '' before the first training. */
  readonly runsOn: () => string;
};

/** Tries the device. Throws UsageError where it does not work. */
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
  const setting = defined({ device, engine, onStart, threads });
  return { setting, runsOn: () => told };
}
