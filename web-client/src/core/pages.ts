// SPDX-License-Identifier: Apache-2.0
/**
 * Pictures of pages: fetched once, three at a time at most (a browser has six
 * connections to a host, and the rest are needed), the page that is looked at
 * before those ahead. Framework-free: what fetches is given.
 */
import { Failure } from './api.ts';
import type { Clock } from './clock.ts';

export interface PageSource {
  /** Resolves to a blob: URL, or null when the page is not made yet. Rejects with a Failure. */
  fetch(path: string): Promise<string | null>;
  forget(url: string): void;
}

const AT_ONCE = 3;
const KEPT = 48;
const RETRY_MS = 700;
const MAX_TRIES = 200;

interface Entry {
  path: string;
  promise: Promise<string>;
  resolve: (url: string) => void;
  reject: (failure: Failure) => void;
  url: string | null;
  tries: number;
}

export class Pages {
  #source: PageSource;
  #clock: Clock;
  /** Oldest use first: a Map keeps the order of insertion. */
  #entries = new Map<string, Entry>();
  #urgent: Entry[] = [];
  #ahead: Entry[] = [];
  #running = 0;

  constructor(source: PageSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  now(path: string): Promise<string> {
    const entry = this.#entries.get(path);
    if (entry) {
      this.#entries.delete(path);
      this.#entries.set(path, entry);
      const waiting = this.#ahead.indexOf(entry);
      if (waiting >= 0) this.#urgent.push(...this.#ahead.splice(waiting, 1));
      return entry.promise;
    }
    return this.#add(path, this.#urgent).promise;
  }

  soon(path: string): void {
    if (!this.#entries.has(path)) this.#add(path, this.#ahead).promise.catch(() => undefined);
  }

  #add(path: string, queue: Entry[]): Entry {
    let resolve!: Entry['resolve'];
    let reject!: Entry['reject'];
    const promise = new Promise<string>((ok, fail) => {
      resolve = ok;
      reject = fail;
    });
    const entry: Entry = { path, promise, resolve, reject, url: null, tries: 0 };
    this.#entries.set(path, entry);
    queue.push(entry);
    this.#shrink();
    this.#run();
    return entry;
  }

  #shrink(): void {
    for (const [path, entry] of this.#entries) {
      if (this.#entries.size <= KEPT) return;
      if (entry.url === null) continue;
      this.#entries.delete(path);
      this.#source.forget(entry.url);
    }
  }

  #run(): void {
    while (this.#running < AT_ONCE) {
      // Latest first: the page that is looked at now, not the ones leafed past.
      const entry = this.#urgent.pop() ?? this.#ahead.shift();
      if (!entry) return;
      this.#running++;
      void this.#load(entry).finally(() => {
        this.#running--;
        this.#run();
      });
    }
  }

  async #load(entry: Entry): Promise<void> {
    try {
      const url = await this.#source.fetch(entry.path);
      if (url !== null) {
        entry.url = url;
        entry.resolve(url);
        return;
      }
    } catch (error) {
      if (error instanceof Failure && error.code !== 'offline') {
        this.#fail(entry, error);
        return;
      }
    }
    if (++entry.tries >= MAX_TRIES) this.#fail(entry, new Failure('doc-not-ready'));
    else
      this.#clock.after(RETRY_MS, () => {
        this.#urgent.unshift(entry);
        this.#run();
      });
  }

  #fail(entry: Entry, failure: Failure): void {
    this.#entries.delete(entry.path);
    entry.reject(failure);
  }
}
