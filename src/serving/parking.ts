/** A session whose connection was lost. */
export type Parked<Session> = { readonly peer: string; readonly session: Session };

/**
 * Keeps sessions that lost their connection until their clients come back, for a time. There are at most so
 * many; the oldest one goes for a new one. Each is taken once, by the client whose it is.
 */
export class Parking<Session> {
  readonly #seconds: number;
  readonly #most: number;
  readonly #parked = new Map<string, Parked<Session> & { readonly timer: NodeJS.Timeout }>();

  constructor(seconds: number, most: number) {
    this.#seconds = seconds;
    this.#most = most;
  }

  get size(): number {
    return this.#parked.size;
  }

  park(ticket: string, parked: Parked<Session>): void {
    this.#remove(ticket);
    if (this.#parked.size >= this.#most) this.#remove(this.#parked.keys().next().value!);
    const timer = setTimeout(() => this.#remove(ticket), this.#seconds * 1000).unref();
    this.#parked.set(ticket, { ...parked, timer });
  }

  /** Undefined if there is none, or if it is another client's, which then keeps it. */
  take(ticket: string, peer: string): Session | undefined {
    const found = this.#parked.get(ticket);
    if (found === undefined || found.peer !== peer) return undefined;
    this.#remove(ticket);
    return found.session;
  }

  clear(): void {
    for (const ticket of this.#parked.keys()) this.#remove(ticket);
  }

  #remove(ticket: string): void {
    clearTimeout(this.#parked.get(ticket)?.timer);
    this.#parked.delete(ticket);
  }
}
