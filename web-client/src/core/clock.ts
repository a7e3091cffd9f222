// SPDX-License-Identifier: Apache-2.0
// Time and chance are arguments, so that tests own them.

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Runs once after ms; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /** 0 … 1. */
  random(): number;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Waits before the n-th try in a row (from 0): grows, with chance in it, so that 960 clients do not come back at once. */
export function backOffMs(tries: number, clock: Clock): number {
  const most = Math.min(300 * 2 ** tries, 8000);
  return Math.round(most / 2 + (clock.random() * most) / 2);
}
