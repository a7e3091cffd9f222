// SPDX-License-Identifier: Apache-2.0
/**
 * A snapshot and those who want to know when it changes: told once per `later`,
 * so that a thousand replayed events are drawn once.
 */
export class Store<T extends object> {
  #state: T;
  #listeners = new Set<() => void>();
  #told = true;

  constructor(state: T, private readonly later: (run: () => void) => void = (run) => queueMicrotask(run)) {
    this.#state = state;
  }

  get state(): T {
    return this.#state;
  }

  set(change: Partial<T>): void {
    this.#state = { ...this.#state, ...change };
    if (!this.#told) return;
    this.#told = false;
    this.later(() => {
      this.#told = true;
      for (const listener of this.#listeners) listener();
    });
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
