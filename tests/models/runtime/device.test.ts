import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { chooseDevice, tryDevice } from '../../../models/runtime/device.ts';
import type { Device, Trial } from '../../../models/runtime/device.ts';
import { UsageError } from '../../../src/shared/errors.ts';

/** Trials with known ends, in place of this machine's. */
const trials =
  (ends: Partial<Record<Device, Trial>>) =>
  (device: Device): Promise<Trial> =>
    Promise.resolve(ends[device] ?? { reason: 'not here' });

test('auto takes the fastest that works', async () => {
  const cpu = { milliseconds: 10 };
  expect(await chooseDevice('auto', trials({ cpu }))).toBe('cpu');
  expect(await chooseDevice('auto', trials({ cpu, webgpu: { milliseconds: 2 } }))).toBe('webgpu');
  expect(await chooseDevice('auto', trials({ cpu, webgpu: { milliseconds: 2000 } }))).toBe('cpu');
  const cuda = { milliseconds: 1 };
  expect(await chooseDevice('auto', trials({ cpu, webgpu: { milliseconds: 2 }, cuda }))).toBe('cuda');
});

test('a named device is taken where it works, however slow, and refused where not', async () => {
  expect(await chooseDevice('webgpu', trials({ webgpu: { milliseconds: 1e6 } }))).toBe('webgpu');
  await expect(chooseDevice('webgpu', trials({}))).rejects.toThrow(UsageError);
  await expect(chooseDevice('webgpu', trials({}))).rejects.toThrow(
    /--device webgpu: it does not work here: not here. It needs a GPU with a driver for Vulkan.*libvulkan1/,
  );
  await expect(chooseDevice('cuda', trials({}))).rejects.toThrow(/CUDA 12 .* npm rebuild onnxruntime-node/);
});

test('the CPU needs no trial; tried, it says its time', async () => {
  expect(await chooseDevice('cpu', () => expect.unreachable())).toBe('cpu');
  expect(await tryDevice('cpu')).toEqual({ milliseconds: expect.any(Number) as number });
});

describe('without a GPU and without a software one', () => {
  const somewhere = existsSync('/dev/dri') || existsSync('/dev/nvidia0') || process.env['VK_ICD_FILENAMES'];
  test.skipIf(somewhere)('webgpu says what is missing', async () => {
    expect(await tryDevice('webgpu')).toEqual({ reason: expect.stringContaining('adapter') as string });
  });
});
