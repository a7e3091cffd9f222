// SPDX-License-Identifier: Apache-2.0
// The WebSocket: opens it, notices when it is dead though nobody closed it, and opens it again with growing waits.
import type { Clock } from './clock.ts';
import { backOffMs } from './clock.ts';

/** What we need of a WebSocket. */
export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
}

export interface LinkOptions {
  open: () => Socket;
  clock: Clock;
  onUp: () => void;
  /** opened: it had been up, so the address and the cookie are good. */
  onDown: (info: { opened: boolean }) => void;
  onText: (text: string) => void;
  /** Nothing came for a while: make the server say something. */
  probe: () => void;
}

/** A quiet socket is probed after QUIET_MS and given up when that brings nothing for ANSWER_MS. */
export const QUIET_MS = 8000;
export const ANSWER_MS = 6000;
export const URGENT_MS = 3000;
const OPEN_MS = 10000;

export class Link {
  #options: LinkOptions;
  #socket: Socket | null = null;
  #up = false;
  #stopped = true;
  #tries = 0;
  #heardAt = 0;
  #heard = 0;
  #cancelTimer: () => void = () => {};

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get up(): boolean {
    return this.#up;
  }

  start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.#tries = 0;
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
    this.#drop();
  }

  send(text: string): boolean {
    if (!this.#up || !this.#socket) return false;
    this.#socket.send(text);
    return true;
  }

  /** The server has accepted us: the next loss starts with short waits again. */
  settled(): void {
    this.#tries = 0;
  }

  /** The network may have changed: do not wait. */
  hurry(): void {
    if (this.#stopped) return;
    if (this.#up) {
      this.#probe(URGENT_MS);
    } else if (!this.#socket) {
      this.#cancelTimer();
      this.#open();
    }
  }

  /** Gives this socket up and opens another one. */
  renew(): void {
    if (this.#stopped) return;
    const opened = this.#up;
    this.#drop();
    this.#lost(opened);
  }

  #open(): void {
    const socket = this.#options.open();
    this.#socket = socket;
    this.#setTimer(OPEN_MS, () => this.renew());
    socket.onopen = () => {
      this.#up = true;
      this.#heardAt = this.#options.clock.now();
      this.#watch();
      this.#options.onUp();
    };
    socket.onmessage = (event) => {
      this.#heardAt = this.#options.clock.now();
      this.#heard++;
      if (typeof event.data === 'string') this.#options.onText(event.data);
    };
    socket.onclose = () => {
      const opened = this.#up;
      this.#drop();
      this.#lost(opened);
    };
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#up = false;
    if (!socket) return;
    socket.onopen = socket.onclose = socket.onmessage = null;
    socket.close();
  }

  #lost(opened: boolean): void {
    if (this.#stopped) return;
    this.#setTimer(backOffMs(this.#tries++, this.#options.clock), () => this.#open());
    this.#options.onDown({ opened });
  }

  #watch(): void {
    const left = this.#heardAt + QUIET_MS - this.#options.clock.now();
    this.#setTimer(Math.max(left, 0), () => {
      if (this.#options.clock.now() - this.#heardAt < QUIET_MS) this.#watch();
      else this.#probe(ANSWER_MS);
    });
  }

  #probe(answerMs: number): void {
    const heard = this.#heard;
    this.#options.probe();
    this.#setTimer(answerMs, () => {
      if (this.#heard === heard) this.renew();
      else this.#watch();
    });
  }

  #setTimer(ms: number, run: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, run);
  }
}
