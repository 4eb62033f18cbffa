import type { InferenceSession } from './onnxruntime.ts';
import { Child, ChildFailure } from '../../src/shared/child-process.ts';
import { defined } from '../../src/shared/defined.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { workerUrl } from '../../src/shared/files.ts';

/** The devices on which onnxruntime runs networks. */
export const devices = ['cpu', 'webgpu', 'cuda'] as const;
export type Device = (typeof devices)[number];

export const deviceChoices = [...devices, 'auto'] as const;
export type DeviceChoice = (typeof deviceChoices)[number];

export type SessionSetting = {
  /** The device (default: cpu). */
  readonly device?: Device;
  /** The number of threads (default: onnxruntime's own choice). */
  readonly threads?: number;
};

/** The session setting of options that hold more. */
export function sessionSetting({ device, threads }: SessionSetting): SessionSetting {
  return defined({ device, threads });
}

const needs: Record<Device, string> = {
  cpu: 'onnxruntime-node: install the package again',
  webgpu:
    'a GPU with a driver for Vulkan and its loader (Debian: libvulkan1 and mesa-vulkan-drivers or ' +
    'nvidia-vulkan-icd), or Metal or Direct3D 12',
  cuda:
    "CUDA 12 with cuDNN 9, and onnxruntime's provider: " +
    'npm rebuild onnxruntime-node with its install script allowed',
};

/**
 * onnxruntime's options for a session. Operations that the device lacks run on the CPU. Threads sleep between
 * operations: with other work on two cores a step of training ResNet-8 then takes 474 ms instead of 882, and
 * of ResNet-18 3.3 s instead of 5.5; 64 images through ResNet-8 take 21 ms of processor time instead of 36.
 */
export function sessionOptions({ device = 'cpu', threads }: SessionSetting): InferenceSession.SessionOptions {
  return {
    logSeverityLevel: 3,
    executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
    extra: { session: { intra_op: { allow_spinning: '0' } } },
    ...defined({ intraOpNumThreads: threads }),
  };
}

/** The result of trying a device: milliseconds of one small convolution, or the reason why it failed. */
export type Trial = { readonly milliseconds: number } | { readonly reason: string };

export type ToTrial = { readonly kind: 'try'; readonly device: Device };
export type FromTrial = { readonly kind: 'tried'; readonly trial: Trial };

/**
 * Returns the device for a choice after trying it with a small convolution. `auto` takes the fastest device
 * that works; a GPU that is emulated on the CPU (SwiftShader, llvmpipe) loses to the CPU itself. Throws
 * UsageError, which says what is needed, for a device that does not work.
 */
export async function chooseDevice(
  choice: DeviceChoice,
  trial: (device: Device) => Promise<Trial> = tryDevice,
): Promise<Device> {
  if (choice === 'cpu') return 'cpu';
  if (choice === 'auto') return fastest(trial);
  const found = await trial(choice);
  if ('milliseconds' in found) return choice;
  throw new UsageError(
    `--device ${choice}: it does not work here: ${found.reason}. It needs ${needs[choice]}`,
  );
}

async function fastest(trial: (device: Device) => Promise<Trial>): Promise<Device> {
  let best: { device: Device; milliseconds: number } = { device: 'cpu', milliseconds: Infinity };
  for (const device of devices) {
    const found = await trial(device);
    if ('milliseconds' in found && found.milliseconds < best.milliseconds) best = { device, ...found };
  }
  return best.device;
}

/**
 * Tries a device in a process of its own, because drivers that fail write to the terminal, and some crash the
 * process.
 */
export async function tryDevice(device: Device): Promise<Trial> {
  const child = new Child<ToTrial, FromTrial>({ program: workerUrl(import.meta.url, './device-trial') });
  try {
    return (await child.ask('tried', { kind: 'try', device })).trial;
  } catch (error) {
    if (error instanceof ChildFailure) return { reason: error.message };
    throw error;
  } finally {
    child.kill(); // A driver may take long to end, or never do.
  }
}
