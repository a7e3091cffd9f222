// SPDX-License-Identifier: Apache-2.0
// The meeting as this page knows it: state = fold(events). Pure; every change gives a new object, so that a view can
// tell by identity what has changed.
import type {
  ChatLine, Document, EventChanged, Participant, Permission, Presentation, Quality, Role, ServerMessage, Welcome,
} from '../protocol/types.ts';
import { rolePermissions } from './permissions.ts';

export interface Pointer {
  x: number;
  y: number;
}

export interface MeetingState {
  readonly self: string;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  readonly seq: number;
  readonly meeting: Welcome['meeting'];
  readonly participants: ReadonlyMap<string, Participant>;
  readonly chat: readonly ChatLine[];
  readonly documents: ReadonlyMap<string, Document>;
  readonly presentation: Presentation | null;
  readonly pointer: Pointer | null;
  readonly speaker: string | null;
  readonly quality: Quality | null;
}

const CHAT_KEPT = 500;
/** Seats with such an id are forgotten when they go offline (meeting/meeting.h). */
const PASSING_PREFIX = 'w-';

const byId = <T extends { id: string }>(items: readonly T[]): ReadonlyMap<string, T> =>
  new Map(items.map((item) => [item.id, item]));

function withEntry<T>(map: ReadonlyMap<string, T>, id: string, value: T | undefined): ReadonlyMap<string, T> {
  const copy = new Map(map);
  if (value === undefined) copy.delete(id);
  else copy.set(id, value);
  return copy;
}

/** A welcome that resumed keeps what `before` knows; the missing events follow it. */
export function stateFromWelcome(welcome: Welcome, before: MeetingState | null): MeetingState {
  const common = {
    self: welcome.self,
    role: welcome.role,
    permissions: new Set(welcome.permissions),
    seq: welcome.seq,
    meeting: welcome.meeting,
  };
  if (welcome.resumed && before)
    return { ...before, ...common, speaker: welcome.speaker === undefined ? before.speaker : welcome.speaker };
  return {
    ...common,
    participants: byId(welcome.participants ?? []),
    chat: welcome.chat ?? [],
    documents: byId(welcome.documents ?? []),
    presentation: welcome.presentation ?? null,
    pointer: null,
    speaker: welcome.speaker ?? null,
    quality: null,
  };
}

function foldParticipant(state: MeetingState, participant: Participant): MeetingState {
  const next = { ...state, participants: withEntry(state.participants, participant.id, participant) };
  if (participant.id !== state.self || participant.role === state.role) return next;
  return { ...next, role: participant.role, permissions: rolePermissions(participant.role) };
}

function foldChanged(state: MeetingState, event: EventChanged): MeetingState {
  const known = state.participants.get(event.participant);
  if (!known) return state;
  const { type: _type, seq: _seq, at: _at, participant: _participant, ...changes } = event;
  return foldParticipant(state, { ...known, ...changes });
}

function foldLeft(state: MeetingState, id: string, forGood: boolean): MeetingState {
  const known = state.participants.get(id);
  if (!known) return state;
  const seat: Participant = { ...known, online: false, mic: false, camera: false, screen: false, hand: 0 };
  return {
    ...state,
    participants: withEntry(state.participants, id, forGood ? undefined : seat),
    speaker: state.speaker === id ? null : state.speaker,
  };
}

function foldAllMuted(state: MeetingState, by: string): MeetingState {
  const participants = new Map<string, Participant>();
  for (const [id, participant] of state.participants)
    participants.set(id, id === by ? participant : { ...participant, mic: false, muted: true });
  return { ...state, participants };
}

/** Events of the log: each counts once, whatever is replayed. */
function foldEvent(state: MeetingState, message: ServerMessage): MeetingState {
  switch (message.type) {
    case 'joined':
      return foldParticipant(state, message.participant);
    case 'changed':
      return foldChanged(state, message);
    case 'left':
      return foldLeft(state, message.participant, message.reason === 'removed' || message.participant.startsWith(PASSING_PREFIX));
    case 'all-muted':
      return foldAllMuted(state, message.by);
    case 'chat': {
      const { type: _type, ...line } = message;
      return { ...state, chat: [...state.chat, line].slice(-CHAT_KEPT) };
    }
    case 'locked':
      return { ...state, meeting: { ...state.meeting, locked: message.locked } };
    case 'document':
      return { ...state, documents: withEntry(state.documents, message.document.id, message.document) };
    case 'document-removed':
      return {
        ...state,
        documents: withEntry(state.documents, message.document, undefined),
        presentation: state.presentation?.document === message.document ? null : state.presentation,
      };
    case 'presenting': {
      const { presenter, document, page } = message;
      return { ...state, presentation: { presenter, document, page }, pointer: null };
    }
    case 'presenting-stopped':
      return { ...state, presentation: null, pointer: null };
    default:
      return state;
  }
}

function foldFleeting(state: MeetingState, message: ServerMessage): MeetingState {
  switch (message.type) {
    case 'speaker':
      return { ...state, speaker: message.participant };
    case 'quality':
      return { ...state, quality: message };
    case 'pointer':
      return { ...state, pointer: message.visible ? { x: message.x, y: message.y } : null };
    case 'document-progress': {
      const known = state.documents.get(message.document);
      if (!known || known.state === 'ready' || known.state === 'failed') return state;
      const document: Document = { ...known, state: 'converting', pages: message.pages, done: message.done };
      return { ...state, documents: withEntry(state.documents, known.id, document) };
    }
    default:
      return state;
  }
}

export function fold(state: MeetingState, message: ServerMessage): MeetingState {
  if (!('seq' in message) || message.type === 'welcome') return foldFleeting(state, message);
  if (message.seq <= state.seq) return state;
  return { ...foldEvent(state, message), seq: message.seq };
}

/** Raised hands, the earliest first. */
export function raisedHands(state: MeetingState): Participant[] {
  return [...state.participants.values()].filter((p) => p.online && p.hand > 0).sort((a, b) => a.hand - b.hand);
}
