import { Option } from 'commander';
import { answerKinds } from '../../../pipelines/plan/plan.ts';

/** What clients learn of an image. */
export function answerOption(help: string): Option {
  return new Option('--answer <kind>', help).choices(answerKinds);
}
