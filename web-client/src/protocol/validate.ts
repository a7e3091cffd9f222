// SPDX-License-Identifier: Apache-2.0
// One validator per message of the server. What does not fit is refused as a whole: the rest of the client may trust
// its types. Unknown extra fields are dropped, so that a newer server can talk to an older page.
import type * as P from './types.ts';

/** Returns the checked value, or undefined. */
export type Check<T> = (value: unknown) => T | undefined;

type Fields = Record<string, unknown>;
/** Every field of T, an optional one marked by optional(). */
type Shape<T> = { [K in keyof Required<T>]: Field<Required<T>[K]> };
interface Field<T> {
  check: Check<T>;
  optional: boolean;
}

const field = <T>(check: Check<T>): Field<T> => ({ check, optional: false });
const optional = <T>(check: Check<T>): Field<T> => ({ check, optional: true });

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function object<T>(shape: Shape<T>): Check<T> {
  const fields = Object.entries(shape) as [string, Field<unknown>][];
  return (value) => {
    if (!isObject(value)) return undefined;
    const result: Fields = {};
    for (const [name, { check, optional: mayMiss }] of fields) {
      if (!Object.hasOwn(value, name)) {
        if (mayMiss) continue;
        return undefined;
      }
      const checked = check(value[name]);
      if (checked === undefined) return undefined;
      result[name] = checked;
    }
    return result as T;
  };
}

const list =
  <T>(item: Check<T>, most: number): Check<T[]> =>
  (value) => {
    if (!Array.isArray(value) || value.length > most) return undefined;
    const result: T[] = [];
    for (const one of value) {
      const checked = item(one);
      if (checked === undefined) return undefined;
      result.push(checked);
    }
    return result;
  };

const text =
  (least: number, most: number): Check<string> =>
  (value) =>
    // The schema counts code points, JavaScript UTF-16 units.
    typeof value === 'string' && value.length >= least && (value.length <= most || [...value].length <= most)
      ? value
      : undefined;

const matching =
  (pattern: RegExp): Check<string> =>
  (value) =>
    typeof value === 'string' && pattern.test(value) ? value : undefined;

const integer =
  (least: number, most: number): Check<number> =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined;

const number: Check<number> = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined);
const boolean: Check<boolean> = (value) => (typeof value === 'boolean' ? value : undefined);

const oneOf =
  <T extends string>(...words: T[]): Check<T> =>
  (value) =>
    words.includes(value as T) ? (value as T) : undefined;

const orNull =
  <T>(check: Check<T>): Check<T | null> =>
  (value) =>
    value === null ? null : check(value);

const MAX_SAFE = Number.MAX_SAFE_INTEGER;
const id = matching(/^[A-Za-z0-9._-]{1,64}$/);
const documentId = matching(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const requestId = integer(1, 2147483647);
const count = integer(0, MAX_SAFE);
const name = text(1, 80);
const pages = integer(0, 2000);
const page = integer(1, 2000);
const kind = oneOf<P.Kind>('mic', 'camera', 'screen');
const role = oneOf<P.Role>('chair', 'secretary', 'presenter', 'delegate', 'observer');
const permission = oneOf<P.Permission>('publish', 'chat', 'hand', 'present', 'upload', 'moderate');

export const ERROR_CODES: readonly P.ErrorCode[] = [
  'bad-json', 'bad-message', 'bad-field', 'unknown-type', 'not-joined', 'already-joined', 'forbidden', 'locked',
  'removed', 'full', 'too-fast', 'not-found', 'busy', 'internal', 'storage-full', 'token-invalid', 'token-expired',
  'meeting-not-found', 'name-empty', 'id-taken', 'origin-forbidden', 'too-large', 'replaced', 'sdp-too-large',
  'sdp-malformed', 'sdp-no-bundle', 'sdp-no-rtcp-mux', 'sdp-no-ice', 'sdp-no-dtls', 'sdp-no-codec', 'sdp-too-many',
  'sdp-room-full', 'doc-type', 'doc-too-large', 'doc-empty', 'doc-name', 'doc-disk-full', 'doc-too-many',
  'doc-corrupt', 'doc-password', 'doc-bomb', 'doc-internal', 'doc-not-ready',
];
/** A code this page does not know yet is an internal fault to it. */
export const errorCode: Check<P.ErrorCode> = (value) =>
  typeof value !== 'string' ? undefined : ERROR_CODES.includes(value as P.ErrorCode) ? (value as P.ErrorCode) : 'internal';

const participant = object<P.Participant>({
  id: field(id), name: field(name), role: field(role), online: field(boolean), mic: field(boolean),
  camera: field(boolean), screen: field(boolean), hand: field(count), muted: field(boolean),
});

export const document = object<P.Document>({
  id: field(documentId), name: field(text(1, 255)), size: field(integer(0, 1099511627776)),
  sha256: field(matching(/^[0-9a-f]{64}$/)), state: field(oneOf('queued', 'converting', 'ready', 'failed')),
  pages: field(pages), done: field(pages), error: field(orNull(errorCode)), by: field(id), at: field(count),
});

const chatLine = object<P.ChatLine>({
  seq: field(count), at: field(count), from: field(id), name: field(name), text: field(text(1, 2000)),
});

const presentation = object<P.Presentation>({ presenter: field(id), document: field(documentId), page: field(page) });
const meeting = object<P.Welcome['meeting']>({ id: field(text(0, 200)), title: field(text(0, 200)), locked: field(boolean) });
const iceServer = object<P.Welcome['ice_servers'][number]>({
  urls: field(text(0, 500)), username: optional(text(0, 500)), credential: optional(text(0, 500)),
});
const slotState = object<P.SlotState>({
  audio: field(boolean), index: field(integer(0, 24)), participant: field(orNull(id)), kind: field(kind),
});
const streamStats = object<P.StreamStats>({
  outgoing: field(boolean), audio: field(boolean), index: field(integer(0, 24)), layer: field(integer(0, 3)),
  participant: field(orNull(id)), packets: field(count), bytes: field(count), lost: field(count),
  retransmitted: field(count), jitter_ms: field(number), bitrate_bps: field(count),
});

const type = <T extends string>(word: T): Field<T> => field(oneOf(word));
const event = { seq: field(count), at: field(count) };

/** By the message's `type`. */
export const serverMessages: { [T in P.ServerMessage['type']]: Check<Extract<P.ServerMessage, { type: T }>> } = {
  ok: object<P.Ok>({ type: type('ok'), id: field(requestId) }),
  error: object<P.Error>({
    type: type('error'), id: optional(requestId), code: field(errorCode), field: optional(text(0, 64)),
    message: field(text(0, 300)),
  }),
  welcome: object<P.Welcome>({
    type: type('welcome'), id: field(requestId), self: field(id), role: field(role),
    permissions: field(list(permission, 6)), seq: field(count), resumed: field(boolean), meeting: field(meeting),
    participants: optional(list(participant, 4096)), chat: optional(list(chatLine, 200)),
    documents: optional(list(document, 500)), presentation: optional(orNull(presentation)),
    speaker: optional(orNull(id)), ice_servers: field(list(iceServer, 8)),
  }),
  answer: object<P.Answer>({ type: type('answer'), id: field(requestId), sdp: field(text(0, 262144)) }),
  stats: object<P.ServerStats>({
    type: type('stats'), id: field(requestId), rtt_ms: field(number), remb_bps: field(count),
    srtp: field(text(0, 64)), streams: field(list(streamStats, 64)),
  }),
  joined: object<P.EventJoined>({ type: type('joined'), ...event, participant: field(participant) }),
  changed: object<P.EventChanged>({
    type: type('changed'), ...event, participant: field(id), name: optional(name), role: optional(role),
    online: optional(boolean), mic: optional(boolean), camera: optional(boolean), screen: optional(boolean),
    hand: optional(count), muted: optional(boolean),
  }),
  left: object<P.EventLeft>({
    type: type('left'), ...event, participant: field(id), reason: field(oneOf('left', 'lost', 'removed')),
  }),
  'all-muted': object<P.EventAllMuted>({ type: type('all-muted'), ...event, by: field(id) }),
  chat: object<P.EventChat>({
    type: type('chat'), ...event, from: field(id), name: field(name), text: field(text(1, 2000)),
  }),
  locked: object<P.EventLocked>({ type: type('locked'), ...event, locked: field(boolean) }),
  document: object<P.EventDocument>({ type: type('document'), ...event, document: field(document) }),
  'document-removed': object<P.EventDocumentRemoved>({
    type: type('document-removed'), ...event, document: field(documentId),
  }),
  presenting: object<P.EventPresenting>({
    type: type('presenting'), ...event, presenter: field(id), document: field(documentId), page: field(page),
  }),
  'presenting-stopped': object<P.EventPresentingStopped>({ type: type('presenting-stopped'), ...event }),
  slots: object<P.Slots>({ type: type('slots'), slots: field(list(slotState, 28)) }),
  speaker: object<P.Speaker>({ type: type('speaker'), participant: field(orNull(id)) }),
  wanted: object<P.Wanted>({ type: type('wanted'), kind: field(kind), wanted: field(boolean) }),
  quality: object<P.Quality>({
    type: type('quality'), bars: field(integer(0, 4)), rtt_ms: field(integer(0, 600000)),
    loss_permille: field(integer(0, 1000)), remb_bps: field(count),
  }),
  'peer-gone': object<P.PeerGone>({
    type: type('peer-gone'), reason: field(oneOf('timeout', 'dtls', 'closed', 'replaced')),
  }),
  pointer: object<P.ServerPointer>({ type: type('pointer'), x: field(number), y: field(number), visible: field(boolean) }),
  'document-progress': object<P.DocumentProgress>({
    type: type('document-progress'), document: field(documentId), pages: field(pages), done: field(pages),
  }),
};

/** A text frame of the server, or undefined when it is none that we know. */
export function parseServerMessage(frame: string): P.ServerMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(frame);
  } catch {
    return undefined;
  }
  if (!isObject(value) || typeof value['type'] !== 'string' || !Object.hasOwn(serverMessages, value['type'])) return undefined;
  return serverMessages[value['type'] as P.ServerMessage['type']](value);
}

/** Answer of POST and GET /api/v1/session. */
export interface SessionInfo {
  s: number;
  meeting: { id: string; title: string };
  role: P.Role;
  name: string;
}
export const sessionInfo: Check<SessionInfo> = (value) => {
  const raw = isObject(value) && typeof value['s'] === 'string' ? { ...value, s: Number(value['s']) } : value;
  return object<SessionInfo>({
    s: field(integer(0, MAX_SAFE)),
    meeting: field(object<SessionInfo['meeting']>({ id: field(text(1, 100)), title: field(text(0, 200)) })),
    role: field(role), name: field(text(0, 200)),
  })(raw);
};

/** The body of an HTTP error. */
export const httpError = object<{ code: P.ErrorCode }>({ code: field(errorCode) });
