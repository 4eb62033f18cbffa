import type { ServerEvent } from '../../../server.ts';
import type { Context } from '../../options/command.ts';
import type { Output } from '../../output/output.ts';
import { eventText, eventValue, isLogged } from './event-text.ts';
import type { LoggedEvent } from './event-text.ts';
import type { Level, Write } from './json-lines.ts';

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

/** `json`: documents on stdout as every command prints them; they win over `log`. */
export async function serverLog(
  context: Pick<Context, 'show' | 'say'>,
  { log, json = false }: { readonly log: LogFormat; readonly json?: boolean },
): Promise<ServerLog> {
  const write = json
    ? documents(context)
    : log === 'json'
      ? await pinoLines((line) => context.say(line))
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

/** Loads pino, 23 modules, only for lines of JSON. */
async function pinoLines(say: (line: string) => void): Promise<Write> {
  const { jsonLines } = await import('./json-lines.ts');
  return jsonLines(say);
}

function plainLines(say: (line: string) => void): Write {
  return (_level, kind, _value, text) => say(kind === 'serving' ? text : `${now()} ${text}`);
}

function documents({ show }: Pick<Context, 'show'>): Write {
  return (_level, kind, value, text) => show({ value: { kind, time: now(), ...value }, text });
}
