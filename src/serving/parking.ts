/** A session whose connection was lost. */
export type Parked<Session> = { readonly peer: string; readonly session: Session };

/** How many sessions are kept: of all clients, and of one. */
export type ParkingPlaces = { readonly all: number; readonly ofOne: number };

/**
 * Keeps sessions that lost their connection until their clients come back, for a time. Each is taken once, by
 * the client whose it is. Beyond its own places a client's oldest session goes for its new one. Where all
 * places are taken, the oldest goes of the client that has most of them, if that client has still no fewer
 * than the new one's then: a client that loses sessions on purpose pushes out its own.
 */
export class Parking<Session> {
  readonly #seconds: number;
  readonly #places: ParkingPlaces;
  /** By ticket, oldest first. */
  readonly #parked = new Map<string, Parked<Session> & { readonly timer: NodeJS.Timeout }>();

  constructor(seconds: number, places: ParkingPlaces) {
    this.#seconds = seconds;
    this.#places = places;
  }

  get size(): number {
    return this.#parked.size;
  }

  /** Whether it is kept: there may be no place for it. */
  park(ticket: string, parked: Parked<Session>): boolean {
    this.#remove(ticket);
    if (!this.#makeRoom(parked.peer)) return false;
    const timer = setTimeout(() => this.#remove(ticket), this.#seconds * 1000).unref();
    this.#parked.set(ticket, { ...parked, timer });
    return true;
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

  /** Whether this client has a place for one more. */
  #makeRoom(peer: string): boolean {
    const tickets = this.#ticketsByClient();
    const own = tickets.get(peer) ?? [];
    if (own.length < this.#places.ofOne && this.#parked.size < this.#places.all) return true;
    const most = [...tickets.values()].reduce((a, b) => (b.length > a.length ? b : a), own);
    const mayTake = own.length < this.#places.ofOne && most.length > own.length + 1;
    const [oldest] = mayTake ? most : own;
    if (oldest === undefined) return false;
    this.#remove(oldest);
    return true;
  }

  /** Oldest first. */
  #ticketsByClient(): Map<string, string[]> {
    return Map.groupBy(this.#parked.keys(), (ticket) => this.#parked.get(ticket)!.peer);
  }

  #remove(ticket: string): void {
    clearTimeout(this.#parked.get(ticket)?.timer);
    this.#parked.delete(ticket);
  }
}
