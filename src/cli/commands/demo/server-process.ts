import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import { Child } from '../../../shared/child-process.ts';
import { workerUrl } from '../../../shared/files.ts';

export type ServerProcess = { readonly url: string; readonly planHash: string; stop(): Promise<void> };

/** Runs `reluctant serve MODEL` in its own process, and waits for its address. */
export async function serverProcess(
  model: string,
  data: string,
  answer: AnswerKind,
  signal: AbortSignal,
): Promise<ServerProcess> {
  const child = new Child<never, never>({
    program: workerUrl(import.meta.url, '../../main'),
    args: ['serve', model, '--port', '0', '--data', data, '--answer', answer, '--json'],
    signal,
    name: 'demo: the server',
  });
  const line = await child.firstLine();
  const { url, plan_hash } = JSON.parse(line) as { url: string; plan_hash: string };
  return { url, planHash: plan_hash, stop: () => child.stop() };
}
