// SPDX-License-Identifier: Apache-2.0
/**
 * Who is heard now. The server keeps a person in an audio slot after she has
 * fallen silent, so the slot's own sound decides. Knows no browser object.
 */
import type { Id } from './api.ts';

/** Of 0..1; room noise stays below. */
const LOUD = 0.02;
/** A breath between two words is not the end of a speech. */
const HOLD_MS = 1200;

export class Talkers {
  /** Audio slot to the person in it. */
  #slots = new Map<number, Id>();
  #heardAt = new Map<Id, number>();

  get idle(): boolean {
    return this.#slots.size === 0 && this.#heardAt.size === 0;
  }

  carries(index: number, participant: Id | null): void {
    if (participant === null) this.#slots.delete(index);
    else this.#slots.set(index, participant);
  }

  clear(): void {
    this.#slots.clear();
    this.#heardAt.clear();
  }

  /** Takes the present level of every slot; says who talks. */
  at(nowMs: number, levels: readonly number[]): ReadonlySet<Id> {
    for (const [index, participant] of this.#slots)
      if ((levels[index] ?? 0) >= LOUD) this.#heardAt.set(participant, nowMs);
    for (const [participant, heard] of this.#heardAt)
      if (nowMs - heard >= HOLD_MS) this.#heardAt.delete(participant);
    return new Set(this.#heardAt.keys());
  }
}

export function sameSet<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}
