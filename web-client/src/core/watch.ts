// SPDX-License-Identifier: Apache-2.0
/**
 * What a viewer outside of the meeting sees: waits for the stream to begin, knows when it
 * ends, and which page belongs to the moment of the picture that is on the screen.
 *
 * opening → waiting ⇄ live → ended → live …, or refused for good. A server that cannot be
 * reached changes nothing but `trouble`.
 *
 * While the stream plays nobody asks the server whether it does: the player's own playlist
 * says so, and a thousand viewers cost it nothing but files.
 */
import { Failure, type Fault } from './api.ts';
import type { Clock, Timer } from './clock.ts';
import { Store } from './store.ts';

/** What GET /api/v1/meetings/{m}/live answers. */
export interface LiveInfo {
  on: boolean;
  title: string;
  playlist: string | null;
  pages: string | null;
}

/** A line of pages.json: from `t` (milliseconds since 1970) on this page is shown; file null: none. */
export interface LivePage {
  t: number;
  file: string | null;
  document?: string;
  name?: string;
  page?: number;
}

export interface WatchSource {
  /** Reject with a Failure. */
  info(): Promise<LiveInfo>;
  pages(url: string): Promise<readonly LivePage[]>;
}

export interface WatchState {
  phase: 'opening' | 'waiting' | 'live' | 'ended' | 'refused';
  fault: Fault | null;
  title: string;
  playlist: string | null;
  pages: readonly LivePage[];
  /** Where the pages' images are. */
  base: string;
  trouble: boolean;
}

const POLL_MS = 5000;
/** Not all at once when the server comes back. */
const SPREAD_MS = 2000;
const PAGES_MS = 2000;

export class Watch {
  #source: WatchSource;
  #clock: Clock;
  #store = new Store<WatchState>({ phase: 'opening', fault: null, title: '', playlist: null, pages: [], base: '', trouble: false });
  #timer: Timer | null = null;
  #pagesTimer: Timer | null = null;
  #pagesUrl: string | null = null;
  #closed = false;

  constructor(source: WatchSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
  }

  get state(): WatchState {
    return this.#store.state;
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(listener);
  }

  start(): void {
    void this.#ask();
  }

  /** The playlist has ended, is gone, or cannot be loaded: what does the server say? */
  check(): void {
    if (this.#timer === null && this.state.phase === 'live') this.#askIn(0);
  }

  close(): void {
    this.#closed = true;
    for (const timer of [this.#timer, this.#pagesTimer]) if (timer !== null) this.#clock.clear(timer);
  }

  #askIn(ms: number): void {
    if (this.#timer !== null) this.#clock.clear(this.#timer);
    this.#timer = this.#clock.after(ms, () => {
      this.#timer = null;
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    const again = () => this.#askIn(POLL_MS + SPREAD_MS * this.#clock.random());
    try {
      const info = await this.#source.info();
      if (this.#closed) return;
      this.#onInfo(info);
      if (this.state.phase !== 'live') again();
    } catch (error) {
      if (this.#closed) return;
      const code = error instanceof Failure ? error.code : 'internal';
      if (code === 'offline' || code === 'internal' || code === 'busy' || code === 'too-fast') {
        this.#store.set({ trouble: true });
        again();
      } else this.#store.set({ phase: 'refused', fault: code, trouble: false });
    }
  }

  #onInfo({ on, title, playlist, pages }: LiveInfo): void {
    const was = this.state.phase;
    const plays = on && playlist !== null;
    const phase = plays ? 'live' : was === 'live' || was === 'ended' ? 'ended' : 'waiting';
    this.#store.set({ phase, title, playlist: plays ? playlist : null, trouble: false });
    const url = plays ? pages : null;
    if (url === this.#pagesUrl) return;
    this.#pagesUrl = url;
    if (this.#pagesTimer !== null) this.#clock.clear(this.#pagesTimer);
    this.#store.set({ pages: [], base: url?.slice(0, url.lastIndexOf('/') + 1) ?? '' });
    if (url !== null) void this.#readPages(url);
  }

  async #readPages(url: string): Promise<void> {
    try {
      const pages = await this.#source.pages(url);
      if (this.#pagesUrl === url && JSON.stringify(pages) !== JSON.stringify(this.state.pages)) this.#store.set({ pages });
    } catch {
      // The picture goes on; the next list comes in two seconds.
    }
    if (this.#pagesUrl === url && !this.#closed) this.#pagesTimer = this.#clock.after(PAGES_MS, () => void this.#readPages(url));
  }
}

/** The page that was shown when the picture of this moment was made. */
export function pageAt(pages: readonly LivePage[], at: number): LivePage | null {
  const shown = pages.findLast(({ t }) => t <= at);
  return shown?.file ? shown : null;
}
