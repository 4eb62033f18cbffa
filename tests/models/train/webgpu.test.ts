import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Device } from '../../../models/runtime/device.ts';

/** SwiftShader, a GPU in software that Debian's chromium brings. */
const driver = '/usr/lib/chromium/vk_swiftshader_icd.json';
const loader = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/libvulkan.so.1`);
const missing = [
  ...(existsSync(driver) ? [] : ['chromium']),
  ...(loader.some((file) => existsSync(file)) ? [] : ['libvulkan1']),
];

type Outcome = {
  readonly losses: readonly number[];
  readonly parameters: readonly number[];
  /** Weights could not be had after a step without a download. */
  readonly staysOnDevice: boolean;
};

async function steps(device: Device, learningRate: number): Promise<Outcome> {
  const file = join(await mkdtemp(join(tmpdir(), 'device-')), 'outcome');
  const script = join(import.meta.dirname, 'steps-on-device.ts');
  const env = { ...process.env, VK_ICD_FILENAMES: driver };
  const child = spawn(process.execPath, [script, device, String(learningRate), file], {
    env,
    stdio: 'ignore',
  });
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
  return JSON.parse(await readFile(file, 'utf8')) as Outcome;
}

/**
 * The two sum in other orders: about a last bit (6e-8) an operation. Measured after eight steps: 1.3e-7 and
 * 1.8e-7.
 */
const tolerance = 2e-6;

const furthest = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));

const title = missing.length > 0 ? ` (skipped: needs the Debian packages ${missing.join(' and ')})` : '';
test.skipIf(missing.length > 0)(
  `training on WebGPU gives the CPU's losses and weights to ${tolerance}${title}`,
  async () => {
    const cpu = await steps('cpu', 0.05);
    const gpu = await steps('webgpu', 0.05);
    expect(gpu.losses).toHaveLength(4);
    expect([cpu, gpu].map(({ staysOnDevice }) => staysOnDevice)).toEqual([false, true]);
    expect(furthest(gpu.losses, cpu.losses)).toBeLessThan(tolerance);
    expect(furthest(gpu.parameters, cpu.parameters)).toBeLessThan(tolerance);
    expect(gpu.parameters).not.toEqual(cpu.parameters); // bit for bit it would have been the CPU again
    const off = await steps('cpu', 0.05 * 1.001);
    expect(furthest(off.losses, cpu.losses)).toBeGreaterThan(10 * tolerance);
    expect(furthest(off.parameters, cpu.parameters)).toBeGreaterThan(10 * tolerance);
  },
);
