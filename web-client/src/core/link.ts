// SPDX-License-Identifier: Apache-2.0
/**
 * The WebSocket to the server: comes back by itself, answers requests, notices a
 * line that died without saying so. Knows nothing of meetings.
 */
import { readServerMessage } from '../protocol/validate.ts';
import type { ClientMessage, ServerMessage } from '../protocol/types.ts';
import { Failure } from './api.ts';
import type { Clock, Timer } from './clock.ts';

export interface Socket {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type Request = WithoutId<ClientMessage>;

export interface LinkEvents {
  /** A socket is open: join on it. */
  onUp(): void;
  onDown(): void;
  /** The server has closed the door several times before a socket was open. */
  onRefused(): void;
  onMessage(message: ServerMessage): void;
}

const BACKOFF_MS = [200, 500, 1000, 2000, 4000, 5000];
/** Asked every so often whether the line still lives, and how long that may take. */
const PING_EVERY_MS = 8000;
const ANSWER_WITHIN_MS = 10000;
/** After a sleep the answer comes at once or not at all. */
const PROBE_WITHIN_MS = 3000;
const REFUSED_AFTER = 2;
/** Most lines answer sooner. */
const RACE_AFTER_MS = 150;

export class Link {
  #open: () => Socket;
  #clock: Clock;
  #events: LinkEvents;
  #socket: Socket | null = null;
  #up = false;
  #closed = false;
  #racing = false;
  #tries = 0;
  #neverOpened = 0;
  #lastId = 0;
  #waiting = new Map<number, { resolve: (m: ServerMessage) => void; reject: (f: Failure) => void; timer: Timer }>();
  #pingTimer: Timer | null = null;
  #retryTimer: Timer | null = null;

  constructor(open: () => Socket, clock: Clock, events: LinkEvents) {
    this.#open = open;
    this.#clock = clock;
    this.#events = events;
  }

  start(): void {
    this.#closed = false;
    this.#connect();
  }

  /** For good. */
  close(): void {
    this.#closed = true;
    if (this.#retryTimer) this.#clock.clear(this.#retryTimer);
    this.#retryTimer = null;
    this.#drop();
  }

  /** The line is known to be gone (the browser says offline): do not wait for the ping. */
  reset(): void {
    if (this.#socket) this.#drop();
  }

  /** The network is back: do not wait for the next try. */
  retryNow(): void {
    this.#tries = 0;
    if (!this.#retryTimer) return;
    this.#clock.clear(this.#retryTimer);
    this.#retryTimer = null;
    this.#connect();
  }

  /** The server took us in: a later loss is tried again soon. Until then each try waits longer. */
  settled(): void {
    this.#tries = 0;
  }

  /** The machine may have slept: is anybody there? */
  probe(): void {
    if (this.#up) this.request({ type: 'ping' }, PROBE_WITHIN_MS).catch(() => undefined);
    else this.retryNow();
  }

  request(body: Request, withinMs = ANSWER_WITHIN_MS): Promise<ServerMessage> {
    const socket = this.#socket;
    if (!socket || !this.#up) return Promise.reject(new Failure('offline'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(withinMs, () => this.#socket === socket && this.#drop());
      this.#waiting.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ ...body, id }));
    });
  }

  /** A message whose answer nobody waits for. */
  tell(body: Request): void {
    this.request(body).catch(() => undefined);
  }

  /**
   * Something else says that the line may be dead: unless an answer comes at once, a second socket is opened, and if
   * that is there before the answer it takes over.
   */
  async race(): Promise<void> {
    const first = this.#socket;
    if (!first || !this.#up || this.#racing) return;
    this.#racing = true;
    let answered = false;
    const answer = this.request({ type: 'ping' }).catch(() => undefined).then(() => (answered = true));
    await Promise.race([answer, new Promise<void>((resolve) => this.#clock.after(RACE_AFTER_MS, resolve))]);
    if (!answered && this.#socket === first) {
      const second = this.#open();
      const open = new Promise<boolean>((resolve) => {
        second.onopen = () => resolve(true);
        second.onclose = () => resolve(false);
      });
      const won = (await Promise.race([open, answer.then(() => false)])) && this.#socket === first;
      second.onopen = second.onclose = null;
      if (won) this.#takeOver(second);
      else second.close();
    }
    this.#racing = false;
  }

  #takeOver(socket: Socket): void {
    this.#drop();
    if (this.#retryTimer) this.#clock.clear(this.#retryTimer);
    this.#retryTimer = null;
    this.#use(socket);
    this.#opened();
  }

  #use(socket: Socket): void {
    this.#socket = socket;
    this.#up = false;
    socket.onmessage = ({ data }) => this.#socket === socket && this.#onText(String(data));
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      if (!this.#up && ++this.#neverOpened >= REFUSED_AFTER) this.#events.onRefused();
      this.#drop();
    };
  }

  #opened(): void {
    this.#up = true;
    this.#neverOpened = 0;
    this.#pingSoon();
    this.#events.onUp();
  }

  #connect(): void {
    const socket = this.#open();
    this.#use(socket);
    const opening = this.#clock.after(ANSWER_WITHIN_MS, () => this.#socket === socket && !this.#up && this.#drop());
    socket.onopen = () => {
      this.#clock.clear(opening);
      if (this.#socket === socket) this.#opened();
    };
  }

  #pingSoon(): void {
    if (this.#pingTimer) this.#clock.clear(this.#pingTimer);
    this.#pingTimer = this.#clock.after(PING_EVERY_MS, () => {
      this.tell({ type: 'ping' });
      this.#pingSoon();
    });
  }

  #onText(text: string): void {
    const message = readServerMessage(text);
    if (!message) return;
    const id = 'id' in message ? message.id : undefined;
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (!waiting || id === undefined) {
      this.#events.onMessage(message);
      return;
    }
    this.#waiting.delete(id);
    this.#clock.clear(waiting.timer);
    if (message.type === 'error') waiting.reject(new Failure(message.code, message.field));
    else waiting.resolve(message);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#up = false;
    if (this.#pingTimer) this.#clock.clear(this.#pingTimer);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const { reject, timer } of this.#waiting.values()) {
      this.#clock.clear(timer);
      reject(new Failure('offline'));
    }
    this.#waiting.clear();
    if (socket) this.#events.onDown();
    if (this.#closed || this.#retryTimer) return;
    const wait = BACKOFF_MS[Math.min(this.#tries++, BACKOFF_MS.length - 1)]!;
    this.#retryTimer = this.#clock.after(wait * (0.75 + 0.5 * this.#clock.random()), () => {
      this.#retryTimer = null;
      if (!this.#closed) this.#connect();
    });
  }
}
