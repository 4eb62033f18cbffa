import { answerBits } from '../../../pipelines/plan/answer.ts';
import type { AnswerKind, Plan } from '../../../pipelines/plan/plan.ts';
import * as format from '../../shared/format.ts';

/** What one answer tells, for --json. */
export type AnswerValue = {
  readonly answer: AnswerKind;
  /** The bits that the server opens. */
  readonly answerBits: number;
};

export function answerValue(plan: Plan): AnswerValue {
  return { answer: plan.output.answer, answerBits: answerBits(plan) };
}

/** The same for people: 'the label alone, 4 bits', 'all logits, 280 bits'. */
export function answerWords({ answer, answerBits }: AnswerValue): string {
  const bits = `${format.count(answerBits)} ${answerBits === 1 ? 'bit' : 'bits'}`;
  return `${answer === 'label' ? 'the label alone' : 'all logits'}, ${bits}`;
}
