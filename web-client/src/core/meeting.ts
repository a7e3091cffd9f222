// SPDX-License-Identifier: Apache-2.0
/** A person's connection to her meeting: joins, comes back, keeps the state, carries her requests. */
import type { ServerMessage, Welcome } from '../protocol/types.ts';
import type { AgendaItem, DocumentId, Fault, Id, Kind, Meeting, MeetingState, Role } from './api.ts';
import { Failure } from './api.ts';
import type { Clock, Timer } from './clock.ts';
import { emptyState, isEvent, onEvent, onFleeting, onWelcome, type MeetingEvent } from './fold.ts';
import type { Link, Request } from './link.ts';
import { Store } from './store.ts';

/** What the media side wants to hear of. */
export interface MediaListener {
  /** Joined, for the first time or again. */
  onJoined(iceServers: RTCIceServer[]): void;
  onDown(): void;
  onMessage(message: ServerMessage): void;
  /** The host (or a rule) has switched this off; without byOther it may be the echo of her own change. */
  onSwitchedOff(kind: Kind, byOther: boolean): void;
}

/** After these the server will not have us back by itself. */
const FINAL = new Set(['removed', 'replaced', 'locked', 'token-invalid', 'token-expired', 'meeting-not-found', 'origin-forbidden', 'full']);
const POINTER_EVERY_MS = 66;
/** One picture of a 60 Hz screen. */
const DRAW_MS = 16;

export class MeetingClient implements Meeting {
  #store: Store<MeetingState>;
  #clock: Clock;
  #link: Link;
  #media: MediaListener | null = null;
  #name = '';
  /** Number of the last event in the state; null: take the whole state. */
  #lastSeq: number | null = null;
  #joining: { resolve: () => void; reject: (f: Failure) => void } | null = null;
  #pointer: { x: number; y: number } | null = null;
  #pointerTimer: Timer | null = null;

  /** `verify` asks why the door is closed: a final reason, or null when the network is at fault. */
  constructor(clock: Clock, verify: () => Promise<Fault | null>, makeLink: (events: ConstructorParameters<typeof Link>[2]) => Link) {
    this.#clock = clock;
    this.#store = new Store(emptyState, (run) => clock.after(DRAW_MS, run));
    this.#link = makeLink({
      onUp: () => void this.#joinNow(),
      onDown: () => this.#onDown(),
      onMessage: (message) => this.#onMessage(message),
      onRefused: () => void verify().then((why) => why && FINAL.has(why) && this.#end(why)),
    });
  }

  get state(): MeetingState {
    return this.#store.state;
  }

  get link(): Link {
    return this.#link;
  }

  attach(media: MediaListener): void {
    this.#media = media;
  }

  subscribe(listener: () => void): () => void {
    return this.#store.subscribe(listener);
  }

  join(name: string): Promise<void> {
    this.#name = name;
    this.#lastSeq = null;
    this.#store.set({ phase: 'joining', ended: null });
    return new Promise((resolve, reject) => {
      this.#joining = { resolve, reject };
      this.#link.start();
    });
  }

  leave(): void {
    this.#link.tell({ type: 'leave' });
    this.#end('left');
  }

  chatSeen(): void {
    if (this.state.unread > 0) this.#store.set({ unread: 0 });
  }

  say(text: string): Promise<void> {
    return this.#ask({ type: 'chat', text });
  }

  raiseHand(raised: boolean, participant?: Id): Promise<void> {
    return this.#ask(participant ? { type: 'hand', raised, participant } : { type: 'hand', raised });
  }

  mute(participant: Id, kind: Kind): Promise<void> {
    return this.#ask({ type: 'mute', participant, kind });
  }

  muteAll(): Promise<void> {
    return this.#ask({ type: 'mute-all' });
  }

  remove(participant: Id): Promise<void> {
    return this.#ask({ type: 'remove', participant });
  }

  lock(locked: boolean): Promise<void> {
    return this.#ask({ type: 'lock', locked });
  }

  setRole(participant: Id, role: Role): Promise<void> {
    return this.#ask({ type: 'set-role', participant, role });
  }

  present(document: DocumentId, page: number): Promise<void> {
    return this.#ask({ type: 'present', document, page });
  }

  stopPresenting(): Promise<void> {
    return this.#ask({ type: 'present-stop' });
  }

  changeAgenda(version: number, items: readonly AgendaItem[]): Promise<void> {
    return this.#ask({ type: 'agenda', version, items: [...items] });
  }

  goToItem(item: DocumentId | null): Promise<void> {
    return this.#ask({ type: 'agenda-item', item });
  }

  point(at: { x: number; y: number } | null): void {
    this.#pointer = at;
    if (this.#pointerTimer) return;
    this.#sendPointer();
    this.#pointerTimer = this.#clock.after(POINTER_EVERY_MS, () => {
      this.#pointerTimer = null;
      if (this.#pointer !== at) this.point(this.#pointer);
    });
  }

  #sendPointer(): void {
    const at = this.#pointer;
    this.#link.tell({ type: 'pointer', x: at?.x ?? 0, y: at?.y ?? 0, visible: at !== null });
  }

  async #ask(request: Request): Promise<void> {
    await this.#link.request(request);
  }

  async #joinNow(): Promise<void> {
    const resume = this.#lastSeq === null ? {} : { resume: { last_seq: this.#lastSeq } };
    try {
      const reply = await this.#link.request({ type: 'join', name: this.#name, ...resume });
      if (reply.type === 'welcome') this.#onWelcome(reply);
    } catch (error) {
      if (!(error instanceof Failure) || error.code === 'offline') return; // the link tries again
      if (FINAL.has(error.code) || this.#joining) this.#end(error.code);
      else this.#link.reset();
    }
  }

  #onWelcome(welcome: Welcome): void {
    if (!welcome.resumed) this.#lastSeq = welcome.seq;
    this.#link.settled();
    this.#store.set(onWelcome(this.state, welcome));
    this.#joining?.resolve();
    this.#joining = null;
    this.#media?.onJoined(welcome.ice_servers);
  }

  #onDown(): void {
    if (this.state.phase === 'joined') this.#store.set({ phase: 'reconnecting', pointer: null });
    this.#media?.onDown();
  }

  #onMessage(message: ServerMessage): void {
    if (message.type === 'error') {
      if (FINAL.has(message.code)) this.#end(message.code);
    } else if (isEvent(message)) {
      this.#onEvent(message);
    } else {
      const next = onFleeting(this.state, message);
      if (next !== this.state) this.#store.set(next);
      this.#media?.onMessage(message);
    }
  }

  #onEvent(event: MeetingEvent): void {
    if (this.#lastSeq === null || event.seq <= this.#lastSeq) return;
    if (event.seq !== this.#lastSeq + 1) {
      this.#lastSeq = null; // something was missed: take the whole state anew
      this.#link.reset();
      return;
    }
    this.#lastSeq = event.seq;
    this.#store.set(onEvent(this.state, event));
    this.#tellSwitchedOff(event);
    if (event.type === 'changed' && event.participant === this.state.self && event.role) this.#onOwnRole();
  }

  #tellSwitchedOff(event: MeetingEvent): void {
    const { self } = this.state;
    if (event.type === 'all-muted' && event.by !== self) this.#media?.onSwitchedOff('mic', true);
    if (event.type !== 'changed' || event.participant !== self) return;
    for (const kind of ['mic', 'camera', 'screen'] as const) {
      const byOther = event.role !== undefined || (kind === 'mic' && event.muted === true);
      if (event[kind] === false) this.#media?.onSwitchedOff(kind, byOther);
    }
  }

  /** A new role brings other permissions, and those come with a welcome. */
  #onOwnRole(): void {
    this.#link.reset();
  }

  #end(why: MeetingState['ended'] & string): void {
    this.#link.close();
    this.#store.set({ phase: 'ended', ended: why });
    if (why !== 'left') this.#joining?.reject(new Failure(why));
    this.#joining = null;
    this.#media?.onDown();
  }
}
