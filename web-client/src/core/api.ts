// SPDX-License-Identifier: Apache-2.0
/**
 * What the user interface knows of the core. Nothing here touches the DOM's
 * elements; clocks, sockets and fetch are given by main.ts, so that the core
 * is tested in node.
 *
 * State objects are immutable snapshots: every change makes a new one and calls
 * the subscribers once per turn of the event loop.
 */
import type {
  Agenda, AgendaItem, ChatLine, Document, DocumentId, ErrorCode, Film, Id, Jobs, Kind, Live, Participant, Permission, Presentation, Recording, RecordingMode,
  Role,
} from '../protocol/types.ts';

export type {
  Agenda, AgendaItem, ChatLine, Document, DocumentId, ErrorCode, Film, Id, Jobs, Kind, Live, Participant, Permission, Presentation, Recording, RecordingMode, Role,
};

/** Faults without an answer of the server. */
export type LocalFault = 'offline' | 'upload-broken';
export type Fault = ErrorCode | LocalFault;

/** From the link's token, or from the tab's kept session. */
export interface Session {
  s: string;
  meeting: { id: string; title: string };
  role: Role;
  /** The name a personal link carries, else ''. */
  name: string;
  /** When the session was opened: so that the join page can say so. */
  recording: boolean;
  live: boolean;
}

export interface Sessions {
  /** Exchanges the fragment's token, else takes up the tab's session. Throws a Failure. */
  open(meetingId: string, token: string | null): Promise<Session>;
}

export class Failure extends Error {
  constructor(readonly code: Fault, readonly field?: string) {
    super(code);
  }
}

/** idle → joining → joined ⇄ reconnecting → ended. */
export type Phase = 'idle' | 'joining' | 'joined' | 'reconnecting' | 'ended';

export interface MeetingState {
  phase: Phase;
  /** Why it ended: 'left' by her own will, or the server's word. */
  ended: Fault | 'left' | null;
  self: Id;
  role: Role;
  permissions: ReadonlySet<Permission>;
  title: string;
  locked: boolean;
  participants: ReadonlyMap<Id, Participant>;
  chat: readonly ChatLine[];
  /** Chat lines that came since chatSeen() was called last. */
  unread: number;
  documents: readonly Document[];
  presentation: Presentation | null;
  pointer: { x: number; y: number } | null;
  /** The meeting is being recorded, streamed to viewers, shown a film; null: not. */
  recording: Recording | null;
  live: Live | null;
  film: Film | null;
  /** How all that goes; null for those who may not know. */
  jobs: Jobs | null;
  agenda: Agenda;
  speaker: Id | null;
  /** My line: 0 unusable … 4 good; null: not known yet. */
  bars: 0 | 1 | 2 | 3 | 4 | null;
  /** Of the pictures I asked for, my line carries all, some smaller or slower, or none: sound and pages only. */
  carries: 'all' | 'reduced' | 'sound';
  /** The host muted me: say so until I open my microphone again. */
  mutedByHost: boolean;
}

/** The seat of a film played into the meeting. */
export const FILM_SEAT = 'film';

export interface Meeting {
  readonly state: MeetingState;
  subscribe(listener: () => void): () => void;
  /** Resolves when in; throws a Failure (locked, removed, full, …). */
  join(name: string): Promise<void>;
  leave(): void;
  chatSeen(): void;
  /** Requests to the server; each throws a Failure. */
  say(text: string): Promise<void>;
  raiseHand(raised: boolean, participant?: Id): Promise<void>;
  mute(participant: Id, kind: Kind): Promise<void>;
  muteAll(): Promise<void>;
  remove(participant: Id): Promise<void>;
  lock(locked: boolean): Promise<void>;
  setRole(participant: Id, role: Role): Promise<void>;
  /** Starts presenting, or turns the page. */
  present(document: DocumentId, page: number): Promise<void>;
  stopPresenting(): Promise<void>;
  /** All of it anew; `version` is of the one that was changed: a Failure `agenda-changed` when there is another by now. */
  changeAgenda(version: number, items: readonly AgendaItem[]): Promise<void>;
  /** This item is dealt with from now on; null: none. */
  goToItem(item: DocumentId | null): Promise<void>;
  /** Cheap to call on every mouse move: sent at most 15 times a second. null hides it. */
  point(at: { x: number; y: number } | null): void;
}

/** What is wrong with a device, in words the join page has sentences for. lost: it was open and ended by itself (unplugged, taken by the system). */
export type DeviceFault = 'denied' | 'missing' | 'busy' | 'insecure' | 'lost' | 'other';

export interface MediaState {
  micOn: boolean;
  cameraOn: boolean;
  screenOn: boolean;
  /** null: fine or not asked for. */
  micFault: DeviceFault | null;
  cameraFault: DeviceFault | null;
  /** 0..1, of my own microphone. */
  micLevel: number;
  devices: { mics: Device[]; cameras: Device[]; speakers: Device[] };
  micId: string;
  cameraId: string;
  speakerId: string;
  /** Whose voice is heard now, mine aside: may be more than the one speaker. */
  talking: ReadonlySet<Id>;
  /** My own camera's picture, for the preview and my tile. */
  preview: MediaStream | null;
  /** My own shared screen. */
  screenPreview: MediaStream | null;
  /** new → connecting → connected ⇄ reconnecting. */
  connection: 'new' | 'connecting' | 'connected' | 'reconnecting';
}

export interface Device {
  id: string;
  label: string;
}

/** What a place on the screen would like to show. */
export interface Wish {
  participant: Id;
  kind: 'camera' | 'screen';
  /** Height in device pixels. */
  height: number;
  /** 0..255, higher first when the line is narrow or slots are few. */
  priority: number;
}

export interface Media {
  readonly state: MediaState;
  subscribe(listener: () => void): () => void;
  /** Asks for the devices (join page). Never throws: see micFault, cameraFault. */
  prepare(want: { mic: boolean; camera: boolean }): Promise<void>;
  setMic(on: boolean): Promise<void>;
  setCamera(on: boolean): Promise<void>;
  /** Opens the browser's picker. False when the person cancelled. */
  setScreen(on: boolean): Promise<boolean>;
  chooseMic(id: string): Promise<void>;
  chooseCamera(id: string): Promise<void>;
  chooseSpeaker(id: string): void;
  canShareScreen(): boolean;
  /** All wishes of the present layout, most important first. Debounced inside; asked for only while the page is to be seen. */
  wish(wishes: readonly Wish[]): void;
  /** The stream that carries this participant's picture now, or null (none arrives). */
  video(participant: Id, kind: 'camera' | 'screen'): MediaStream | null;
  /** The streams of the audio slots: attach each to an <audio autoplay>. */
  readonly voices: readonly MediaStream[];
  close(): void;
}

/** A line in the list of the meeting's recordings. */
export interface RecordingRow {
  id: DocumentId;
  mode: RecordingMode;
  /** Milliseconds since 1970; ended is null while it goes on. */
  started: number;
  ended: number | null;
  state: 'on' | 'finishing' | 'ready' | 'failed';
  seconds: number;
  bytes: number;
  parts: number;
  has_video: boolean;
  by: string;
  error: Fault | null;
  kept_until: number | null;
}

/** The host's record, stream and film. Each throws a Failure. */
export interface Studio {
  recordings(): Promise<RecordingRow[]>;
  record(mode: RecordingMode): Promise<void>;
  stopRecording(recording: string): Promise<void>;
  /** Makes one video of a recording's tracks; how far it is comes in `jobs`. */
  compose(recording: string): Promise<void>;
  removeRecording(recording: string): Promise<void>;
  /** The page that plays it. */
  replayUrl(recording: string): string;
  /** Addresses to download its videos from, in their order. */
  videoUrls(recording: string): Promise<string[]>;
  setLive(on: boolean): Promise<void>;
  viewerLink(): Promise<string>;
  addTarget(target: { name: string; url: string; key: string }): Promise<void>;
  removeTarget(id: string): Promise<void>;
  addCamera(camera: { name: string; url: string; user: string; password: string }): Promise<void>;
  removeCamera(id: string): Promise<void>;
  playFilm(document: DocumentId): Promise<void>;
  steerFilm(change: { playing?: boolean; position_ms?: number; volume?: number }): Promise<void>;
  stopFilm(): Promise<void>;
}

/** An upload under way. */
export interface Upload {
  name: string;
  /** 0..1 */
  progress: number;
  cancel(): void;
  done: Promise<Document>; // rejects with a Failure
}

export interface Papers {
  /** Progress calls onProgress, at most 10 times a second. */
  upload(file: File, onProgress: (progress: number) => void): Upload;
  remove(document: DocumentId): Promise<void>;
  url(document: DocumentId, what: 'original' | 'pdf'): string;
  /** A page's picture, from memory or fetched (three at once at most; the page shown goes first).
   * Resolves to a blob: URL that lives as long as the cache keeps it. */
  page(document: DocumentId, page: number, size: 'screen' | 'phone'): Promise<string>;
  /** Fetches ahead when nothing more urgent waits. */
  ahead(document: DocumentId, page: number, size: 'screen' | 'phone'): void;
}
