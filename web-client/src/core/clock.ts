// SPDX-License-Identifier: Apache-2.0
export type Timer = object | number;

/** Time and chance, given from outside so that tests own them. */
export interface Clock {
  now(): number;
  after(ms: number, run: () => void): Timer;
  clear(timer: Timer): void;
  random(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => setTimeout(run, ms) as Timer,
  clear: (timer) => clearTimeout(timer as number),
  random: () => Math.random(),
};
