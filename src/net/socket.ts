/** What a channel hears from its socket. */
export type SocketEvents = {
  /** A whole message has come. The bytes are the listener's own: no later message is written over them. */
  message(bytes: Uint8Array): void;
  /** A message of text has come. */
  text(): void;
  /** The connection has ended, with the reason if it is known. Called at least once. */
  closed(reason?: string): void;
};

/** A WebSocket, of Node or of a browser. */
export interface Socket {
  readonly isOpen: boolean;
  /** The bytes that have not yet been handed to the operating system. */
  readonly buffered: number;
  /** Called once, before any event can come. */
  listen(events: SocketEvents): void;
  /** Sends one message of both parts. Resolves when it has been handed to the operating system. */
  send(header: Uint8Array, payload: Uint8Array): Promise<void>;
  /** Says goodbye and ends the connection soon, even where the peer does not answer. */
  close(isFailure: boolean): void;
  /** Ends the connection at once. */
  cut(): void;
  /** Absent where reading cannot be held back. */
  readonly reading?: { pause(): void; resume(): void };
  /**
   * Calls `gone` when nothing has come from the peer for so many seconds, though it is pinged meanwhile
   * (silence.ts). It sees a peer that vanished without closing its connection: a cable pulled, a machine
   * asleep. Absent where no pings can be sent.
   */
  watch?(seconds: number, gone: () => void): void;
}
