import { pino } from 'pino';
import { toJson } from '../../output/output.ts';

export type Level = 'info' | 'warn' | 'error';

/** A line for people, or its document and its level for programs. */
export type Write = (level: Level, kind: string, value: object, text: string) => void;

/** What must never be in a log, whatever a later change hands to it. */
const secrets = ['token', 'tokens', 'authorization', 'ticket', 'key', 'image', 'logits', 'label'];

/** Lines of pino, one JSON object each: level, time, message and what the event has. */
export function jsonLines(say: (line: string) => void): Write {
  const logger = pino(
    {
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secrets.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
    },
    { write: (line) => say(line.trimEnd()) },
  );
  return (level, kind, value, text) => logger[level](toJson({ kind, ...value }) as object, text);
}
