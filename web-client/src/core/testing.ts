// SPDX-License-Identifier: Apache-2.0
/** A clock that tests turn by hand. */
import type { Clock } from './clock.ts';

export class TestClock implements Clock {
  time = 0;
  #due: { at: number; run: () => void; id: number }[] = [];
  #lastId = 0;

  now(): number {
    return this.time;
  }

  after(ms: number, run: () => void): number {
    const id = ++this.#lastId;
    this.#due.push({ at: this.time + ms, run, id });
    return id;
  }

  clear(timer: object | number): void {
    this.#due = this.#due.filter((d) => d.id !== timer);
  }

  random(): number {
    return 0.5;
  }

  /** Lets ms pass; promises settle in between. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const next = this.#due.filter((d) => d.at <= end).sort((a, b) => a.at - b.at || a.id - b.id)[0];
      if (!next) break;
      this.clear(next.id);
      this.time = next.at;
      next.run();
    }
    this.time = end;
    await settle();
  }
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
