/**
 * The class of an error says whose fault it is; its message names the thing, what was expected and what came.
 */
export class ReluctantError extends Error {
  override name = 'ReluctantError';
}

/** The model file is at fault: truncated, malformed, or with an op outside the supported set. */
export class ModelError extends ReluctantError {
  override name = 'ModelError';
}

/** The data set or an image is at fault. */
export class DataError extends ReluctantError {
  override name = 'DataError';
}

/** The network is valid but cannot run privately; the message names the node and the reason. */
export class PlanError extends ReluctantError {
  override name = 'PlanError';
}

/** The peer is at fault: it left, sent a wrong length, or sent what the plan does not allow. */
export class ProtocolError extends ReluctantError {
  override name = 'ProtocolError';
}

/** Nobody answers at the address, or the connection was lost. */
export class ConnectionError extends ProtocolError {
  override name = 'ConnectionError';
}

/**
 * The peer does not do it now. Nothing was spent, and a session that was open stays open. `retryAfter` is in
 * seconds; undefined: waiting does not help.
 */
export class RefusedError extends ProtocolError {
  override name = 'RefusedError';
  readonly retryAfter: number | undefined;

  constructor(reason: string, retryAfter?: number) {
    super(reason);
    this.retryAfter = retryAfter;
  }
}

/** The command line or a caller's option is at fault. */
export class UsageError extends ReluctantError {
  override name = 'UsageError';
}

/** Nobody is at fault: a measured value is outside the limits that the user set. */
export class LimitError extends ReluctantError {
  override name = 'LimitError';
}

/** What was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The exit codes of the command line with their meanings. They are stable: scripts may rely on them. */
export const exitCodeTable: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'the command succeeded, or a server was stopped'],
  [1, 'an unexpected failure'],
  [2, 'the command line is wrong'],
  [3, 'the model file is wrong'],
  [4, 'the data or the image is wrong'],
  [5, 'the model cannot run privately'],
  [6, 'the other party or the connection failed'],
  [7, 'a fairness report exceeds the limits of audit'],
  [130, 'stopped by Ctrl-C (SIGINT)'],
  [143, 'stopped by SIGTERM'],
];

/** The exit code for an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return 2;
  if (error instanceof ModelError) return 3;
  if (error instanceof DataError) return 4;
  if (error instanceof PlanError) return 5;
  if (error instanceof ProtocolError) return 6;
  if (error instanceof LimitError) return 7;
  return 1;
}
