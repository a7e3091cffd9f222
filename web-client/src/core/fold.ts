// SPDX-License-Identifier: Apache-2.0
/** The meeting as this client knows it: welcome, then event after event. Pure. */
import type { ServerMessage, Welcome } from '../protocol/types.ts';
import type { Agenda, ChatLine, Document, DocumentId, Id, MeetingState, Participant } from './api.ts';

export type MeetingEvent = Extract<ServerMessage, { seq: number; at: number }>;

export function isEvent(message: ServerMessage): message is MeetingEvent {
  return 'seq' in message && 'at' in message;
}

const CHAT_KEPT = 500;
const noAgenda: Agenda = { version: 0, items: [], item: null, since: 0 };

export const emptyState: MeetingState = {
  phase: 'idle', ended: null, self: '', role: 'observer', permissions: new Set(), title: '', locked: false,
  participants: new Map(), chat: [], unread: 0, documents: [], presentation: null, pointer: null,
  recording: null, live: null, film: null, jobs: null, agenda: noAgenda, speaker: null,
  bars: null, carries: 'all', mutedByHost: false,
};

export function onWelcome(state: MeetingState, welcome: Welcome): MeetingState {
  const next: MeetingState = {
    ...state, phase: 'joined', self: welcome.self, role: welcome.role, permissions: new Set(welcome.permissions),
    title: welcome.meeting.title, locked: welcome.meeting.locked, film: welcome.film ?? null, jobs: null,
  };
  if (welcome.resumed) return next;
  const participants = new Map((welcome.participants ?? []).map((p) => [p.id, p]));
  return {
    ...next, participants, chat: welcome.chat ?? [], documents: welcome.documents ?? [],
    presentation: welcome.presentation ?? null, speaker: welcome.speaker ?? null, pointer: null,
    recording: welcome.recording ?? null, live: welcome.live ?? null, agenda: welcome.agenda ?? noAgenda,
    mutedByHost: participants.get(welcome.self)?.muted ?? false,
  };
}

function withParticipant(state: MeetingState, id: Id, change: (p: Participant) => Participant): MeetingState {
  const old = state.participants.get(id);
  if (!old) return state;
  const participants = new Map(state.participants);
  participants.set(id, change(old));
  return ownChanges(state, { ...state, participants });
}

/** What the others' copy of my seat says about me. */
function ownChanges(before: MeetingState, after: MeetingState): MeetingState {
  const me = after.participants.get(after.self);
  if (!me || me === before.participants.get(before.self)) return after;
  return { ...after, mutedByHost: me.muted };
}

function withDocument(documents: readonly Document[], document: Document): Document[] {
  const at = documents.findIndex((d) => d.id === document.id);
  return at < 0 ? [...documents, document] : documents.map((d, i) => (i === at ? document : d));
}

function withoutPaper(agenda: Agenda, paper: DocumentId): Agenda {
  const items = agenda.items.map((item) =>
    item.documents.includes(paper) ? { ...item, documents: item.documents.filter((document) => document !== paper) } : item);
  return { ...agenda, items };
}

export function onEvent(state: MeetingState, event: MeetingEvent): MeetingState {
  switch (event.type) {
    case 'joined': {
      const participants = new Map(state.participants);
      participants.set(event.participant.id, event.participant);
      return ownChanges(state, { ...state, participants });
    }
    case 'changed': {
      const { type: _type, seq: _seq, at: _at, participant, ...fields } = event;
      return withParticipant(state, participant, (p) => ({ ...p, ...fields }));
    }
    case 'left':
      return withParticipant(state, event.participant, (p) => ({
        ...p, online: false, mic: false, camera: false, screen: false, hand: 0,
      }));
    case 'all-muted': {
      const participants = new Map<Id, Participant>();
      for (const [id, p] of state.participants)
        participants.set(id, id === event.by || !p.mic ? p : { ...p, mic: false, muted: true });
      return ownChanges(state, { ...state, participants });
    }
    case 'chat': {
      const { seq, at, from, name, text } = event;
      const line: ChatLine = { seq, at, from, name, text };
      return { ...state, chat: [...state.chat, line].slice(-CHAT_KEPT), unread: state.unread + (from === state.self ? 0 : 1) };
    }
    case 'locked':
      return { ...state, locked: event.locked };
    case 'document':
      return { ...state, documents: withDocument(state.documents, event.document) };
    case 'document-removed':
      return {
        ...state, documents: state.documents.filter((d) => d.id !== event.document), agenda: withoutPaper(state.agenda, event.document),
      };
    case 'presenting': {
      const { presenter, document, page } = event;
      return { ...state, presentation: { presenter, document, page }, pointer: null };
    }
    case 'presenting-stopped':
      return { ...state, presentation: null, pointer: null };
    case 'recording': {
      const { on, recording, mode, by, since } = event;
      return { ...state, recording: on && by !== null ? { recording, mode, by, since } : null };
    }
    case 'live': {
      const { on, by, since } = event;
      return { ...state, live: on && by !== null ? { by, since } : null };
    }
    case 'agenda':
      return { ...state, agenda: { ...state.agenda, version: event.seq, items: event.items } };
    case 'agenda-item':
      return { ...state, agenda: { ...state.agenda, item: event.item, since: event.at } };
  }
}

/** The fleeting messages that change what is shown. */
export function onFleeting(state: MeetingState, message: ServerMessage): MeetingState {
  switch (message.type) {
    case 'speaker':
      return { ...state, speaker: message.participant };
    case 'quality':
      return { ...state, bars: message.bars as MeetingState['bars'], carries: message.carries };
    case 'pointer':
      return { ...state, pointer: message.visible ? { x: message.x, y: message.y } : null };
    case 'film':
      return { ...state, film: message.film };
    case 'jobs':
      return { ...state, jobs: message };
    case 'document-progress':
      return {
        ...state,
        documents: state.documents.map((d) =>
          d.id === message.document ? { ...d, state: d.state === 'queued' ? 'converting' : d.state, pages: message.pages, done: message.done } : d),
      };
    default:
      return state;
  }
}
