import type { Command } from 'commander';
import { chooseDevice } from '../../models/device.ts';
import type { Device, DeviceChoice } from '../../models/device.ts';
import type { EngineName } from '../../models/train/engines/index.ts';
import { deviceOption, engineOption } from './inputs.ts';

export type ComputeOptions = { readonly device: DeviceChoice; readonly engine: EngineName };

/** `--device` and `--engine`, of commands that train. */
export function addComputeOptions(command: Command): void {
  command.addOption(deviceOption()).addOption(engineOption());
}

export type Computing = {
  /** For what trains and evaluates; when the first training begins it says what trains. */
  readonly setting: {
    readonly device: Device;
    readonly engine: EngineName;
    readonly onStart: (runsOn: string) => void;
  };
  /** What has trained, in words; '' before the first training. */
  readonly runsOn: () => string;
};

/** Tries the device. Throws UsageError where it does not work. */
export async function computingOf(
  { device: choice, engine }: ComputeOptions,
  say: (line: string) => void,
): Promise<Computing> {
  const device = await chooseDevice(choice);
  if (choice !== 'cpu') say(`device: ${device}`);
  let told = '';
  const onStart = (runsOn: string) => {
    if (told !== runsOn) say(`training with ${runsOn}`);
    told = runsOn;
  };
  return { setting: { device, engine, onStart }, runsOn: () => told };
}
