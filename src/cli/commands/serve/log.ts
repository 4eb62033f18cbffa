import { pino } from 'pino';
import type { ServerEvent } from '../../../server.ts';
import type { Context } from '../../options/command.ts';
import { toJson } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';
import { eventText, eventValue, isLogged } from './event-text.ts';
import type { LoggedEvent } from './event-text.ts';

export const logFormats = ['text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Where a server says what happens. */
export type ServerLog = {
  started(what: Output): void;
  event(event: ServerEvent): void;
  reloaded(what: Output): void;
  /** A reload failed, and the server goes on with what it had. */
  keptAll(reason: Error): void;
};

type Level = 'info' | 'warn' | 'error';

/** A line for people, or its document and its level for programs. */
type Write = (level: Level, kind: string, value: object, text: string) => void;

/** `json`: documents on stdout as every command prints them; they win over `log`. */
export function serverLog(
  context: Pick<Context, 'show' | 'say'>,
  { log, json = false }: { readonly log: LogFormat; readonly json?: boolean },
): ServerLog {
  const write = json
    ? documents(context)
    : log === 'json'
      ? jsonLines((line) => context.say(line))
      : plainLines((line) => context.say(line));
  return {
    started: ({ value, text }) => write('info', 'serving', value as object, text),
    event: (event) => {
      if (isLogged(event)) write(levelOf(event), event.kind, eventValue(event), eventText(event));
    },
    reloaded: ({ value, text }) => write('info', 'reloaded', value as object, `reloaded\n${text}`),
    keptAll: (error) => {
      const reason = error.message;
      write('error', 'reload-failed', { reason }, `reload failed, nothing has changed: ${reason}`);
    },
  };
}

function levelOf(event: LoggedEvent): Level {
  if (event.kind === 'refused' || event.kind === 'limited') return 'warn';
  return event.kind === 'closed' && event.error !== undefined ? 'warn' : 'info';
}

const now = () => new Date().toISOString();

function plainLines(say: (line: string) => void): Write {
  return (_level, kind, _value, text) => say(kind === 'serving' ? text : `${now()} ${text}`);
}

function documents({ show }: Pick<Context, 'show'>): Write {
  return (_level, kind, value, text) => show({ value: { kind, time: now(), ...value }, text });
}

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
