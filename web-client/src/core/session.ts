// SPDX-License-Identifier: Apache-2.0
// One person's way through a meeting: joins, folds what the server says into the state, answers requests, comes back by
// itself after a loss and asks for what it missed.
//
// Phases: joining -> joined <-> reconnecting; any -> ended (left, removed, replaced, refused).
import { parseServerMessage } from '../protocol/validate.ts';
import type { ClientMessage, ErrorCode, ServerMessage, Welcome } from '../protocol/types.ts';
import type { Clock } from './clock.ts';
import type { Socket } from './link.ts';
import { Link } from './link.ts';
import type { MeetingState } from './state.ts';
import { fold, stateFromWelcome } from './state.ts';

export type Phase = 'joining' | 'joined' | 'reconnecting' | 'ended';
export type EndReason = 'left' | ErrorCode;

type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never;
export type Request = WithoutId<ClientMessage>;
type Reply = Extract<ServerMessage, { id: number }>;

export class RequestError extends Error {
  readonly code: ErrorCode | 'offline';
  constructor(code: ErrorCode | 'offline') {
    super(code);
    this.code = code;
  }
}

export interface SessionOptions {
  name: string;
  openSocket: () => Socket;
  clock: Clock;
  /** Why the session is no good any more, or null when the network is at fault. */
  verify: () => Promise<ErrorCode | null>;
  onPhase: (info: { phase: Phase; reason?: EndReason }) => void;
  /** After every change; `message` brought it. */
  onState: (info: { state: MeetingState; message: ServerMessage }) => void;
  /** Messages about this page's media; `welcome` each time the server has accepted us. */
  onMedia: (message: Extract<ServerMessage, { type: 'slots' | 'wanted' | 'peer-gone' | 'welcome' }>) => void;
}

/** No use in trying again by itself. */
const FINAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'removed', 'replaced', 'locked', 'full', 'name-empty', 'token-invalid', 'token-expired', 'meeting-not-found', 'forbidden',
  'origin-forbidden', 'id-taken',
]);

export const isFinal = (code: ErrorCode): boolean => FINAL.has(code);

export class Session {
  #options: SessionOptions;
  #link: Link;
  #phase: Phase = 'joining';
  #state: MeetingState | null = null;
  #nextId = 1;
  #waiting = new Map<number, { resolve: (reply: Reply) => void; reject: (error: RequestError) => void }>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#link = new Link({
      open: options.openSocket,
      clock: options.clock,
      onUp: () => void this.#join(),
      onDown: (info) => this.#onDown(info),
      onText: (text) => this.#onText(text),
      probe: () => this.#tell({ type: 'ping' }),
    });
  }

  get phase(): Phase {
    return this.#phase;
  }

  get state(): MeetingState | null {
    return this.#state;
  }

  start(): void {
    this.#link.start();
  }

  /** The network or the page has just come back. */
  hurry(): void {
    this.#link.hurry();
  }

  /** Sends a request; rejects with the server's error or `offline`. */
  request(request: Request): Promise<Reply> {
    if (this.#phase !== 'joined') return Promise.reject(new RequestError('offline'));
    return this.#send(request);
  }

  /** The same, for whoever does not mind the answer. */
  tell(request: Request): void {
    if (this.#phase === 'joined') this.#tell(request);
  }

  leave(): void {
    if (this.#phase === 'joined') this.#tell({ type: 'leave' });
    this.#end('left');
  }

  #tell(request: Request): void {
    this.#send(request).catch(() => {});
  }

  #send(request: Request): Promise<Reply> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      if (!this.#link.send(JSON.stringify({ ...request, id }))) {
        reject(new RequestError('offline'));
        return;
      }
      this.#waiting.set(id, { resolve, reject });
    });
  }

  async #join(): Promise<void> {
    const resume = this.#state ? { resume: { last_seq: this.#state.seq } } : {};
    try {
      await this.#send({ type: 'join', name: this.#options.name, ...resume });
    } catch (error) {
      const code = error instanceof RequestError ? error.code : 'internal';
      if (code !== 'offline' && isFinal(code)) this.#end(code);
      else if (code !== 'offline') this.#link.renew();
    }
  }

  #onText(text: string): void {
    const message = parseServerMessage(text);
    if (!message) return;
    switch (message.type) {
      case 'welcome':
        this.#onWelcome(message);
        break;
      case 'ok':
      case 'answer':
      case 'stats':
        break;
      case 'error':
        this.#onError(message.id, message.code);
        return;
      case 'slots':
      case 'wanted':
      case 'peer-gone':
        this.#options.onMedia(message);
        return;
      default:
        this.#fold(message);
        return;
    }
    this.#waiting.get(message.id)?.resolve(message);
    this.#waiting.delete(message.id);
  }

  #onWelcome(welcome: Welcome): void {
    this.#link.settled();
    this.#state = stateFromWelcome(welcome, this.#state);
    this.#setPhase('joined');
    this.#options.onState({ state: this.#state, message: welcome });
    this.#options.onMedia(welcome);
  }

  #onError(id: number | undefined, code: ErrorCode): void {
    if (id === undefined) {
      if (isFinal(code)) this.#end(code);
      return;
    }
    this.#waiting.get(id)?.reject(new RequestError(code));
    this.#waiting.delete(id);
  }

  #fold(message: ServerMessage): void {
    if (!this.#state) return;
    const next = fold(this.#state, message);
    if (next === this.#state) return;
    this.#state = next;
    this.#options.onState({ state: next, message });
  }

  #onDown({ opened }: { opened: boolean }): void {
    this.#failWaiting();
    if (this.#phase === 'joined') this.#setPhase('reconnecting');
    if (!opened) void this.#verify();
  }

  /** A refused upgrade does not tell the page why; an HTTP request does. */
  async #verify(): Promise<void> {
    const code = await this.#options.verify();
    if (code && isFinal(code)) this.#end(code);
  }

  #failWaiting(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new RequestError('offline'));
  }

  #end(reason: EndReason): void {
    if (this.#phase === 'ended') return;
    this.#setPhase('ended', reason);
    this.#link.stop();
    this.#failWaiting();
  }

  #setPhase(phase: Phase, reason?: EndReason): void {
    if (phase === this.#phase || this.#phase === 'ended') return;
    this.#phase = phase;
    this.#options.onPhase(reason ? { phase, reason } : { phase });
  }
}
