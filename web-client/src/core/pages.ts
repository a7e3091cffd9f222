// SPDX-License-Identifier: Apache-2.0
// Page images: the wanted one first, the next one ahead, at most three requests at once (HTTP/1.1 gives six connections,
// and the meeting needs some too), the last ones kept.

export interface PageRef {
  document: string;
  page: number;
  size: 'screen' | 'phone';
}

export interface PageLoaderOptions {
  fetch: (ref: PageRef, signal: AbortSignal) => Promise<Blob>;
  toUrl: (blob: Blob) => string;
  revoke: (url: string) => void;
}

export const MAX_REQUESTS = 3;
const KEPT = 30;

interface Entry {
  ref: PageRef;
  url: string | null;
  waiters: { resolve: (url: string) => void; reject: (error: unknown) => void }[];
  abort: AbortController | null;
}

const keyOf = (ref: PageRef): string => `${ref.document}/${ref.page}/${ref.size}`;

export class PageLoader {
  #options: PageLoaderOptions;
  #entries = new Map<string, Entry>(); // in order of use, the oldest first
  #queue: string[] = []; // the most urgent first
  #running = 0;

  constructor(options: PageLoaderOptions) {
    this.#options = options;
  }

  /** The address of the image if it is here already. */
  peek(ref: PageRef): string | null {
    return this.#entries.get(keyOf(ref))?.url ?? null;
  }

  load(ref: PageRef): Promise<string> {
    const entry = this.#want(ref, true);
    if (entry.url) return Promise.resolve(entry.url);
    return new Promise((resolve, reject) => entry.waiters.push({ resolve, reject }));
  }

  /** Fetches it when nothing more urgent is waiting. */
  ahead(ref: PageRef): void {
    this.#want(ref, false);
  }

  /** Forgets everything; requests under way are given up. */
  clear(): void {
    for (const entry of this.#entries.values()) {
      entry.abort?.abort();
      if (entry.url) this.#options.revoke(entry.url);
    }
    this.#entries.clear();
    this.#queue = [];
  }

  #want(ref: PageRef, urgent: boolean): Entry {
    const key = keyOf(ref);
    const known = this.#entries.get(key);
    const entry = known ?? { ref, url: null, waiters: [], abort: null };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (!entry.url && !entry.abort) {
      this.#queue = this.#queue.filter((queued) => queued !== key);
      if (urgent) this.#queue.unshift(key);
      else this.#queue.push(key);
      this.#pump();
    }
    return entry;
  }

  #pump(): void {
    while (this.#running < MAX_REQUESTS) {
      const key = this.#queue.shift();
      if (key === undefined) return;
      const entry = this.#entries.get(key);
      if (entry && !entry.url && !entry.abort) void this.#fetch(key, entry);
    }
  }

  async #fetch(key: string, entry: Entry): Promise<void> {
    entry.abort = new AbortController();
    this.#running++;
    try {
      const url = this.#options.toUrl(await this.#options.fetch(entry.ref, entry.abort.signal));
      if (this.#entries.get(key) !== entry) {
        this.#options.revoke(url);
        throw new Error('given up');
      }
      entry.url = url;
      for (const { resolve } of entry.waiters.splice(0)) resolve(url);
      this.#trim();
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      for (const { reject } of entry.waiters.splice(0)) reject(error);
    } finally {
      entry.abort = null;
      this.#running--;
      this.#pump();
    }
  }

  #trim(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= KEPT) return;
      if (!entry.url || entry.waiters.length > 0) continue;
      this.#options.revoke(entry.url);
      this.#entries.delete(key);
    }
  }
}
