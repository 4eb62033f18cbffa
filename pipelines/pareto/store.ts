import { hostname } from 'node:os';
import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { ReluctantError } from '../../src/shared/errors.ts';
import { jobId } from './job.ts';
import type { JobSpec } from './job.ts';
import type { InferenceCost, Machine, RunResult } from './result.ts';
import type { Run, RunState } from './run.ts';
import { openDatabase, transaction, upgrade } from './schema.ts';
import { jobRow, resultRow, runOf } from './store-rows.ts';
import type { Row } from './store-rows.ts';

/** A process or worker that does jobs. `host` and `pid` let others see whether it still lives. */
export type Owner = { readonly id: string; readonly host: string; readonly pid: number };

/** Milliseconds for which a job belongs to its owner. The owner renews the lease while it works. */
export const leaseMs = 60_000;

/**
 * The store of a sweep's jobs, their states and their results: one SQLite file for all processes of one
 * machine. A running job has an owner and a lease. It becomes free when the owner's process is gone or the
 * lease ends, so a kill -9 loses only the work on that job.
 */
export class RunStore {
  readonly #database: DatabaseSync;

  /**
   * Opens or creates a store. Reading works on tables of earlier versions too; `add` brings them to the
   * current version. Throws DataError for any other file.
   */
  constructor(file: string) {
    this.#database = openDatabase(file);
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  /** Adds the jobs that are not in the store yet and returns the ids of all. Jobs that failed wait again. */
  add(specs: readonly JobSpec[]): string[] {
    return transaction(this.#database, () => {
      upgrade(this.#database);
      const again = this.#database.prepare(
        `UPDATE jobs SET state = 'waiting', message = NULL, changed_at = ? WHERE id = ? AND state = 'failed'`,
      );
      return specs.map((spec) => {
        const [id, at] = [jobId(spec), new Date().toISOString()];
        this.#insert('OR IGNORE INTO jobs', {
          id,
          ...jobRow(spec),
          ...{ state: 'waiting', created_at: at, changed_at: at },
        });
        again.run(at, id);
        return id;
      });
    });
  }

  /** Gives the owner the first of `ids` that nobody works on, or undefined if there is none. */
  take(ids: readonly string[], owner: Owner, now: number = Date.now()): Run | undefined {
    return transaction(this.#database, () => {
      const free = this.#rows(ids, `state = 'waiting' OR state = 'running'`).find(
        (row) => row['state'] === 'waiting' || isAbandoned(row, now),
      );
      if (free === undefined) return undefined;
      this.#change(String(free['id']), {
        state: 'running',
        attempts: Number(free['attempts']) + 1,
        ...{ owner: owner.id, owner_host: owner.host, owner_pid: owner.pid, lease_until: now + leaseMs },
      });
      return this.run(String(free['id']));
    });
  }

  /**
   * Renews the owner's lease of a job. Returns false if another owner took the job after the lease had ended.
   */
  beat(id: string, owner: Owner, now: number = Date.now()): boolean {
    const statement = this.#database.prepare(
      `UPDATE jobs SET lease_until = ? WHERE id = ? AND owner = ? AND state = 'running'`,
    );
    return statement.run(now + leaseMs, id, owner.id).changes === 1;
  }

  /**
   * Stores the result and returns true. Returns false, without storing it, if another owner has taken the
   * job.
   */
  finish(id: string, owner: Owner, result: RunResult): boolean {
    return transaction(this.#database, () => {
      if (!this.#isOwned(id, owner)) return false;
      this.#insert('INTO results', { job: id, ...resultRow(result) });
      result.costs.forEach((cost) => this.#addCost(id, cost, result.machine));
      this.#change(id, { state: 'done', ...nobody });
      return true;
    });
  }

  fail(id: string, owner: Owner, message: string): void {
    transaction(this.#database, () => {
      if (this.#isOwned(id, owner)) this.#change(id, { state: 'failed', message, ...nobody });
    });
  }

  /** Makes a job wait again that its owner did not finish, for example after Ctrl-C. */
  release(id: string, owner: Owner): void {
    transaction(this.#database, () => {
      if (this.#isOwned(id, owner)) this.#change(id, { state: 'waiting', ...nobody });
    });
  }

  /** Adds or replaces one cost of a run that is done. */
  addCost(id: string, cost: InferenceCost, machine: Machine): void {
    transaction(this.#database, () => this.#addCost(id, cost, machine));
  }

  run(id: string): Run {
    const run = this.runs([id])[0];
    if (run === undefined) throw new ReluctantError(`run ${id}: not in the store`);
    return run;
  }

  /** The number of jobs of `ids` in each state. */
  counts(ids: readonly string[]): Record<RunState, number> {
    const counts = { waiting: 0, running: 0, done: 0, failed: 0 };
    for (const { state } of this.#rows(ids, '1')) counts[state as RunState]++;
    return counts;
  }

  /** The runs in the order of `ids` (default: all runs in the order in which they were added). */
  runs(ids?: readonly string[]): Run[] {
    const costs = this.#database.prepare('SELECT * FROM costs WHERE job = ? ORDER BY profile, source');
    const result = this.#database.prepare('SELECT * FROM results WHERE job = ?');
    return this.#rows(ids, '1').map((job) =>
      runOf(job, result.get(job['id'] as string), costs.all(job['id'] as string)),
    );
  }

  #rows(ids: readonly string[] | undefined, condition: string): Row[] {
    if (ids === undefined) return this.#database.prepare('SELECT * FROM jobs ORDER BY rowid').all();
    return this.#database
      .prepare(
        `SELECT jobs.* FROM json_each(?) AS wanted JOIN jobs ON jobs.id = wanted.value
         WHERE ${condition} ORDER BY wanted.key`,
      )
      .all(JSON.stringify(ids));
  }

  #insert(into: string, row: Readonly<Record<string, SQLInputValue>>): void {
    const names = Object.keys(row).map((name) => `"${name}"`);
    this.#database
      .prepare(`INSERT ${into} (${names.join()}) VALUES (${names.map(() => '?').join()})`)
      .run(...Object.values(row));
  }

  #change(id: string, values: Readonly<Record<string, SQLInputValue>>): void {
    const all = { ...values, changed_at: new Date().toISOString() };
    const assignments = Object.keys(all).map((name) => `${name} = ?`);
    this.#database
      .prepare(`UPDATE jobs SET ${assignments.join()} WHERE id = ?`)
      .run(...Object.values(all), id);
  }

  #isOwned(id: string, owner: Owner): boolean {
    const row = this.#database
      .prepare(`SELECT 1 FROM jobs WHERE id = ? AND owner = ? AND state = 'running'`)
      .get(id, owner.id);
    return row !== undefined;
  }

  #addCost(id: string, cost: InferenceCost, machine: Machine): void {
    const { profile, source, offlineSeconds, onlineSeconds, offline, online, rounds } = cost;
    this.#database
      .prepare('INSERT OR REPLACE INTO costs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        ...[id, profile, source, offlineSeconds, onlineSeconds],
        ...[offline.bytes_up, offline.bytes_down, online.bytes_up, online.bytes_down, rounds],
        ...[JSON.stringify(machine), new Date().toISOString()],
      );
  }
}

const nobody = { owner: null, owner_host: null, owner_pid: null, lease_until: null };

/** Whether the lease has ended, or the owner was a process of this machine that is gone. */
function isAbandoned(row: Row, now: number): boolean {
  if (Number(row['lease_until']) < now) return true;
  return row['owner_host'] === hostname() && !isAlive(Number(row['owner_pid']));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
