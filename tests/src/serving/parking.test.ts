import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Parking } from '../../../src/serving/parking.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Clients park sessions, named by the client and a number; a session is its own ticket. */
function parkingOf(all: number, ofOne = all, seconds = 60) {
  const parking = new Parking<string>(seconds, { all, ofOne });
  const park = (session: string) => parking.park(session, { peer: session[0]!, session });
  const parkAll = (...sessions: string[]) => sessions.map(park);
  /** Those of these that can be taken; they are then gone. */
  const taken = (...sessions: string[]) =>
    sessions.filter((session) => parking.take(session, session[0]!) === session);
  return { parking, park, parkAll, taken };
}

test('a session is taken once, by its own client, until its time is over', () => {
  const { parking, parkAll, taken } = parkingOf(4);
  parkAll('a1', 'a2');
  expect(parking.take('a1', 'b')).toBeUndefined();
  expect(taken('a1', 'a1')).toEqual(['a1']);
  vi.advanceTimersByTime(59_999);
  expect(parking.size).toBe(1);
  vi.advanceTimersByTime(1);
  expect(taken('a2')).toEqual([]);
});

describe('where there is no place', () => {
  test('a client that loses sessions on purpose loses its own oldest, and nobody else does', () => {
    const { parking, park, parkAll, taken } = parkingOf(4);
    parkAll('a1', 'b1');
    for (let i = 1; i <= 100; i++) expect(park(`m${i}`)).toBe(true);
    expect(parking.size).toBe(4);
    expect(taken('a1', 'b1', 'm98', 'm99', 'm100')).toEqual(['a1', 'b1', 'm99', 'm100']);
  });

  test('others get places of the client that has most, its oldest first', () => {
    const { parkAll, taken } = parkingOf(4);
    expect(parkAll('m1', 'm2', 'm3', 'm4', 'a1', 'b1')).toEqual(Array(6).fill(true));
    expect(taken('m1', 'm2', 'm3', 'm4', 'a1', 'b1')).toEqual(['m3', 'm4', 'a1', 'b1']);
  });

  test('nobody loses a place to a client that would then have as many', () => {
    const { park, parkAll, taken } = parkingOf(5);
    parkAll('a1', 'a2', 'a3', 'b1', 'b2');
    // Three of three: the new one takes the place of the client's own oldest.
    expect(park('b3')).toBe(true);
    expect(taken('a1', 'a2', 'a3', 'b1', 'b2', 'b3')).toEqual(['a1', 'a2', 'a3', 'b2', 'b3']);
    parkAll('a1', 'b1', 'c1', 'd1', 'e1');
    expect(park('f1')).toBe(false);
    expect(taken('a1', 'b1', 'c1', 'd1', 'e1', 'f1')).toEqual(['a1', 'b1', 'c1', 'd1', 'e1']);
  });

  test('beyond the places of one client its oldest goes, though others are free', () => {
    const { parking, parkAll, taken } = parkingOf(8, 2);
    parkAll('a1', 'm1', 'm2', 'm3');
    expect(parking.size).toBe(3);
    expect(taken('a1', 'm1', 'm2', 'm3')).toEqual(['a1', 'm2', 'm3']);
  });

  test('a session that is parked again takes no second place', () => {
    const { parking, parkAll, taken } = parkingOf(2, 2);
    parkAll('a1', 'b1', 'a1');
    expect(parking.size).toBe(2);
    expect(taken('a1', 'b1')).toEqual(['a1', 'b1']);
  });
});

test('a shutdown keeps none, and leaves no timer', () => {
  const { parking, parkAll, taken } = parkingOf(3);
  parkAll('a1', 'b1', 'c1', 'c2');
  parking.clear();
  expect(vi.getTimerCount()).toBe(0);
  expect(taken('a1', 'b1', 'c1', 'c2')).toEqual([]);
});
