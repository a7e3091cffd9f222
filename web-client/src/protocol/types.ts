/* Generated from signaling/protocol.schema.json by `npm run generate`. */

/**
 * Every message of Đình's WebSocket (/ws), one JSON object a text frame. Messages with `seq` are events of the meeting's log: numbered without gaps, durable before they are sent, replayed after a reconnect. The others are fleeting. Source of the C table (signaling/core/dispatch.c) and of the TypeScript types.
 */
export type Protocol = ClientMessage | ServerMessage;
export type ClientMessage =
  | Join
  | Leave
  | Offer
  | Media
  | View
  | Hand
  | Chat
  | Mute
  | MuteAll
  | Remove
  | Lock
  | SetRole
  | Present
  | PresentStop
  | Pointer
  | ChangeAgenda
  | GoToItem
  | Stats
  | Ping;
/**
 * participant: random word or the operator's own (WHIP ?id=)
 */
export type Id = string;
export type Kind = "mic" | "camera" | "screen";
export type Role = "chair" | "secretary" | "presenter" | "delegate" | "observer";
export type DocumentId = string;
export type ServerMessage =
  | Ok
  | Error
  | Welcome
  | IceServers
  | Answer
  | ServerStats
  | EventJoined
  | EventChanged
  | EventLeft
  | EventAllMuted
  | EventChat
  | EventLocked
  | EventDocument
  | EventDocumentRemoved
  | EventPresenting
  | EventPresentingStopped
  | EventRecording
  | EventLive
  | EventAgenda
  | EventAgendaItem
  | Slots
  | Speaker
  | Wanted
  | Quality
  | Silent
  | PeerGone
  | ServerPointer
  | DocumentProgress
  | FilmState
  | Jobs;
/**
 * stable words; the client has a sentence for each in both languages
 */
export type ErrorCode =
  | "bad-json"
  | "bad-message"
  | "bad-field"
  | "unknown-type"
  | "not-joined"
  | "already-joined"
  | "forbidden"
  | "locked"
  | "removed"
  | "full"
  | "too-fast"
  | "not-found"
  | "busy"
  | "internal"
  | "storage-full"
  | "token-invalid"
  | "token-expired"
  | "meeting-not-found"
  | "name-empty"
  | "id-taken"
  | "origin-forbidden"
  | "too-large"
  | "replaced"
  | "ice-changed"
  | "sdp-too-large"
  | "sdp-malformed"
  | "sdp-no-bundle"
  | "sdp-no-rtcp-mux"
  | "sdp-no-ice"
  | "sdp-no-dtls"
  | "sdp-no-codec"
  | "sdp-too-many"
  | "sdp-room-full"
  | "sdp-changed"
  | "sdp-wrong-way"
  | "doc-type"
  | "doc-too-large"
  | "doc-empty"
  | "doc-name"
  | "doc-disk-full"
  | "doc-too-many"
  | "doc-corrupt"
  | "doc-password"
  | "doc-bomb"
  | "doc-unplayable"
  | "doc-codec"
  | "doc-long"
  | "doc-picture"
  | "doc-internal"
  | "doc-not-ready"
  | "agenda-changed"
  | "recording-on"
  | "recording-off"
  | "recording-not-ready"
  | "live-on"
  | "film-on"
  | "disk-full"
  | "job-crashed"
  | "job-stalled"
  | "unplayable"
  | "connect"
  | "refused"
  | "auth"
  | "timeout"
  | "codec-unsupported"
  | "no-video-codec"
  | "missing-package";
/**
 * what a role may do; the table is in meeting/permissions.c
 */
export type Permission = "publish" | "chat" | "hand" | "present" | "upload" | "moderate";
/**
 * tracks: each voice and picture as sent; program: the composed picture and sound, while the meeting goes on
 */
export type RecordingMode = "tracks" | "program" | "both";

/**
 * First message on a socket. The seat comes from the session cookie; resume asks for the events after last_seq.
 */
export interface Join {
  type: "join";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  /**
   * cleaned and cut to 80 characters by the server
   */
  name: string;
  resume?: {
    last_seq: number;
  };
}
/**
 * Give the connection up; the seat stays but goes offline at once.
 */
export interface Leave {
  type: "leave";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
}
/**
 * A new PeerConnection, which replaces the older one; or another way to the one there is. Answered with `answer`.
 */
export interface Offer {
  type: "offer";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  sdp: string;
  /**
   * an ICE restart of the PeerConnection the server has: keys, slots and pictures stay. Refused with `not-found` or `sdp-changed`: then offer a new one
   */
  restart?: boolean;
}
/**
 * What I send now; what is off here is dropped by the server.
 */
export interface Media {
  type: "media";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  mic: boolean;
  camera: boolean;
  screen: boolean;
}
/**
 * What my video slots should show; slots not listed keep what they have.
 */
export interface View {
  type: "view";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  /**
   * @maxItems 25
   */
  slots: SlotView[];
}
export interface SlotView {
  /**
   * video slot, in m-line order
   */
  index: number;
  /**
   * *: whoever speaks; null: nobody
   */
  participant: Id | "*" | null;
  kind: "camera" | "screen";
  /**
   * pixels it takes on this screen
   */
  height: number;
  priority: number;
}
/**
 * Raise or lower my hand; a host may lower another's.
 */
export interface Hand {
  type: "hand";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  raised: boolean;
  participant?: Id;
}
export interface Chat {
  type: "chat";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  text: string;
}
/**
 * Host: mute one participant's kind.
 */
export interface Mute {
  type: "mute";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  participant: Id;
  kind: Kind;
}
/**
 * Host: mute every microphone but the host's own.
 */
export interface MuteAll {
  type: "mute-all";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
}
/**
 * Host: end a seat for good.
 */
export interface Remove {
  type: "remove";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  participant: Id;
}
/**
 * Host: let nobody new in.
 */
export interface Lock {
  type: "lock";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  locked: boolean;
}
/**
 * Host: change a participant's role.
 */
export interface SetRole {
  type: "set-role";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  participant: Id;
  role: Role;
}
/**
 * Show a document to everyone, or turn its page. Taking over from another presenter needs `moderate`.
 */
export interface Present {
  type: "present";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  document: DocumentId;
  page: number;
}
export interface PresentStop {
  type: "present-stop";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
}
/**
 * Presenter's pointer on the page; 0..1 of width and height. At most 20 a second.
 */
export interface Pointer {
  type: "pointer";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
  x: number;
  y: number;
  visible: boolean;
}
/**
 * the whole of it, in its order
 */
export interface ChangeAgenda {
  type: "agenda";
  id: number;
  /**
   * of the agenda that was changed; with another one it is refused: agenda-changed
   */
  version: number;
  /**
   * @maxItems 100
   */
  items: AgendaItemNew[];
}
/**
 * an item keeps its id; one that comes without gets one
 */
export interface AgendaItemNew {
  id?: DocumentId;
  title: string;
  minutes?: number;
  /**
   * @maxItems 20
   */
  documents?: DocumentId[];
}
/**
 * this item is dealt with now; null: none
 */
export interface GoToItem {
  type: "agenda-item";
  id: number;
  item: DocumentId | null;
}
/**
 * Ask for the server's view of my own connection.
 */
export interface Stats {
  type: "stats";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
}
/**
 * Answered with ok.
 */
export interface Ping {
  type: "ping";
  /**
   * chosen by the client; the reply carries it
   */
  id: number;
}
/**
 * The request was done (and, where it changes the meeting, is durable).
 */
export interface Ok {
  type: "ok";
  id: number;
}
/**
 * A request was refused, or (without id) the socket is about to close.
 */
export interface Error {
  type: "error";
  id?: number;
  code: ErrorCode;
  /**
   * JSON path of the offending field
   */
  field?: string;
  /**
   * English, for logs; people see the client's own sentence
   */
  message: string;
}
/**
 * Reply to join. When `resumed` is true the lists are absent and the missing events follow.
 */
export interface Welcome {
  type: "welcome";
  id: number;
  self: Id;
  role: Role;
  /**
   * @maxItems 6
   */
  permissions:
    | []
    | [Permission]
    | [Permission, Permission]
    | [Permission, Permission, Permission]
    | [Permission, Permission, Permission, Permission]
    | [Permission, Permission, Permission, Permission, Permission]
    | [Permission, Permission, Permission, Permission, Permission, Permission];
  /**
   * state is as of this event
   */
  seq: number;
  resumed: boolean;
  meeting: {
    id: string;
    title: string;
    locked: boolean;
  };
  /**
   * @maxItems 4096
   */
  participants?: Participant[];
  /**
   * @maxItems 200
   */
  chat?: ChatLine[];
  /**
   * @maxItems 500
   */
  documents?: Document[];
  presentation?: Presentation | null;
  speaker?: Id | null;
  recording?: Recording | null;
  live?: Live | null;
  agenda?: Agenda;
  /**
   * also when `resumed`: no event tells of it
   */
  film?: Film | null;
  /**
   * @maxItems 8
   */
  ice_servers:
    | []
    | [IceServer]
    | [IceServer, IceServer]
    | [IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer, IceServer, IceServer, IceServer];
}
/**
 * one seat of the meeting; the seat outlives connections and restarts
 */
export interface Participant {
  id: Id;
  name: string;
  role: Role;
  /**
   * has a live connection (or lost it less than 60 s ago)
   */
  online: boolean;
  /**
   * her microphone is on
   */
  mic: boolean;
  camera: boolean;
  screen: boolean;
  /**
   * when she raised her hand, 0: not raised
   */
  hand: number;
  /**
   * the host has muted her; unmuting herself clears it
   */
  muted: boolean;
}
export interface ChatLine {
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  from: Id;
  name: string;
  text: string;
}
export interface Document {
  id: DocumentId;
  name: string;
  size: number;
  sha256: string;
  state: "queued" | "converting" | "ready" | "failed";
  /**
   * 0 until known
   */
  pages: number;
  /**
   * page images ready so far
   */
  done: number;
  error: ErrorCode | null;
  /**
   * it is played, not paged: pages stay 0, and `converting` means that it is being checked. Only of films, as the next two
   */
  film?: boolean;
  /**
   * there is something to see, not only to hear; known when `ready`
   */
  video?: boolean;
  /**
   * 0: not known
   */
  duration_ms?: number;
  by: Id;
  /**
   * milliseconds since 1970
   */
  at: number;
}
export interface Presentation {
  presenter: Id;
  document: DocumentId;
  page: number;
}
/**
 * the meeting is being recorded: everybody is told so; `by` api: a script of the operator
 */
export interface Recording {
  recording: DocumentId;
  mode: RecordingMode;
  by: Id;
  /**
   * milliseconds since 1970
   */
  since: number;
}
/**
 * the meeting is streamed to viewers outside of it: everybody is told so
 */
export interface Live {
  by: Id;
  /**
   * milliseconds since 1970
   */
  since: number;
}
export interface Agenda {
  /**
   * number of the event that made it; 0: there was none yet
   */
  version: number;
  /**
   * @maxItems 100
   */
  items: AgendaItem[];
  /**
   * the one that is dealt with now
   */
  item: DocumentId | null;
  /**
   * when that began or ended, milliseconds since 1970
   */
  since: number;
}
export interface AgendaItem {
  id: DocumentId;
  title: string;
  /**
   * planned; 0: not said
   */
  minutes: number;
  /**
   * its papers; one that is removed goes from here too
   *
   * @maxItems 20
   */
  documents: DocumentId[];
}
/**
 * the film that is shown to all; its sound and picture are those of the seat `film`
 */
export interface Film {
  document: DocumentId;
  name: string;
  by: Id;
  state: "loading" | "playing" | "paused" | "ended" | "failed";
  /**
   * when it was told; it goes on by itself while playing
   */
  position_ms: number;
  /**
   * 0: not known
   */
  duration_ms: number;
  volume: number;
  error: ErrorCode | null;
}
/**
 * a TURN server, in the words of RTCIceServer
 */
export interface IceServer {
  urls: string;
  username?: string;
  credential?: string;
}
/**
 * New credentials, half a day before the old ones end.
 */
export interface IceServers {
  type: "ice-servers";
  /**
   * @maxItems 8
   */
  ice_servers:
    | []
    | [IceServer]
    | [IceServer, IceServer]
    | [IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer, IceServer, IceServer]
    | [IceServer, IceServer, IceServer, IceServer, IceServer, IceServer, IceServer, IceServer];
}
/**
 * Reply to offer.
 */
export interface Answer {
  type: "answer";
  id: number;
  sdp: string;
}
/**
 * Reply to stats.
 */
export interface ServerStats {
  type: "stats";
  id: number;
  rtt_ms: number;
  /**
   * What my line carries towards me, estimated; 0: unknown.
   */
  line_bps: number;
  line_loss_permille: number;
  /**
   * Delay of my line above its own.
   */
  line_queue_ms: number;
  line_probes: number;
  srtp: string;
  /**
   * @maxItems 64
   */
  streams: StreamStats[];
}
export interface StreamStats {
  /**
   * from server to client
   */
  outgoing: boolean;
  audio: boolean;
  index: number;
  layer: number;
  participant: Id | null;
  packets: number;
  bytes: number;
  lost: number;
  retransmitted: number;
  jitter_ms: number;
  bitrate_bps: number;
}
/**
 * A new seat, or an offline one is back (then the whole seat is sent again).
 */
export interface EventJoined {
  type: "joined";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  participant: Participant;
}
/**
 * Fields of one seat that changed.
 */
export interface EventChanged {
  type: "changed";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  participant: Id;
  name?: string;
  role?: Role;
  /**
   * has a live connection (or lost it less than 60 s ago)
   */
  online?: boolean;
  /**
   * her microphone is on
   */
  mic?: boolean;
  camera?: boolean;
  screen?: boolean;
  /**
   * when she raised her hand, 0: not raised
   */
  hand?: number;
  /**
   * the host has muted her; unmuting herself clears it
   */
  muted?: boolean;
}
export interface EventLeft {
  type: "left";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  participant: Id;
  reason: "left" | "lost" | "removed";
}
/**
 * Every microphone but this one's is off and muted.
 */
export interface EventAllMuted {
  type: "all-muted";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  by: Id;
}
export interface EventChat {
  type: "chat";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  from: Id;
  name: string;
  text: string;
}
export interface EventLocked {
  type: "locked";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  locked: boolean;
}
/**
 * A document is new or has changed its state.
 */
export interface EventDocument {
  type: "document";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  document: Document;
}
export interface EventDocumentRemoved {
  type: "document-removed";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  document: DocumentId;
}
/**
 * Somebody presents, or turned the page.
 */
export interface EventPresenting {
  type: "presenting";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  presenter: Id;
  document: DocumentId;
  page: number;
}
export interface EventPresentingStopped {
  type: "presenting-stopped";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
}
/**
 * The recording begins or ends. `by` null: the server ended it (nobody was left, the disk is full, its job failed too often).
 */
export interface EventRecording {
  type: "recording";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  on: boolean;
  mode: RecordingMode;
  recording: DocumentId;
  by: Id | null;
  /**
   * milliseconds since 1970
   */
  since: number;
}
/**
 * The stream to viewers begins or ends. `by` null: the server ended it.
 */
export interface EventLive {
  type: "live";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  on: boolean;
  by: Id | null;
  /**
   * milliseconds since 1970
   */
  since: number;
}
/**
 * the agenda is this now; its version is `seq`
 */
export interface EventAgenda {
  type: "agenda";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  by: Id;
  /**
   * @maxItems 100
   */
  items: AgendaItem[];
}
export interface EventAgendaItem {
  type: "agenda-item";
  seq: number;
  /**
   * milliseconds since 1970
   */
  at: number;
  by: Id;
  item: DocumentId | null;
}
/**
 * Which participant my slots carry now; only slots that changed.
 */
export interface Slots {
  type: "slots";
  /**
   * @maxItems 28
   */
  slots: SlotState[];
}
export interface SlotState {
  audio: boolean;
  index: number;
  participant: Id | null;
  kind: Kind;
}
export interface Speaker {
  type: "speaker";
  participant: Id | null;
}
/**
 * Does anybody watch my camera or screen? When not, pause its encoding. layers: which of its simulcast layers, lowest first, are of use.
 */
export interface Wanted {
  type: "wanted";
  kind: Kind;
  wanted: boolean;
  /**
   * @minItems 1
   * @maxItems 3
   */
  layers: [boolean] | [boolean, boolean] | [boolean, boolean, boolean];
}
/**
 * My line: 0 unusable … 4 good.
 */
export interface Quality {
  type: "quality";
  bars: number;
  rtt_ms: number;
  loss_permille: number;
  /**
   * What my line carries towards me, estimated; 0: unknown.
   */
  line_bps: number;
  /**
   * Of the pictures I asked for: all as wished; some smaller, slower or left out; none, so sound and pages only, until the line carries pictures again.
   */
  carries: "all" | "reduced" | "sound";
}
/**
 * My media came all the time and does no more: my way to the server may have changed. Restart ICE.
 */
export interface Silent {
  type: "silent";
}
/**
 * The server ended my PeerConnection: offer a new one.
 */
export interface PeerGone {
  type: "peer-gone";
  reason: "timeout" | "dtls" | "closed" | "replaced" | "failed" | "codec";
}
export interface ServerPointer {
  type: "pointer";
  x: number;
  y: number;
  visible: boolean;
}
/**
 * While converting.
 */
export interface DocumentProgress {
  type: "document-progress";
  document: DocumentId;
  pages: number;
  done: number;
}
/**
 * What is played to all, on every change; null: no film.
 */
export interface FilmState {
  type: "film";
  film: Film | null;
}
/**
 * How recording, streaming and the like go: to those with the right `moderate`, at most twice a second.
 */
export interface Jobs {
  type: "jobs";
  recording: JobRecording | null;
  live: JobLive | null;
  /**
   * @maxItems 32
   */
  rtmp: JobRtmp[];
  /**
   * @maxItems 32
   */
  cameras: JobCamera[];
  /**
   * @maxItems 32
   */
  compose: JobCompose[];
}
export interface JobRecording {
  id: DocumentId;
  /**
   * failed: it has ended by itself, `error` says why
   */
  state: "starting" | "on" | "stopping" | "failed";
  bytes: number;
  seconds: number;
  /**
   * how often it began: a job that died goes on in a new part
   */
  parts: number;
  /**
   * the machine does not keep up: pictures are left out
   */
  behind: boolean;
  error: ErrorCode | null;
}
export interface JobLive {
  state: "starting" | "on" | "stopping" | "failed";
  viewers: number;
  error: ErrorCode | null;
}
export interface JobRtmp {
  id: Id;
  name: string;
  state: "connecting" | "live" | "lost" | "failed";
  error: ErrorCode | null;
}
export interface JobCamera {
  id: Id;
  name: string;
  state: "connecting" | "playing" | "lost" | "failed";
  error: ErrorCode | null;
}
export interface JobCompose {
  recording: DocumentId;
  percent: number;
}
