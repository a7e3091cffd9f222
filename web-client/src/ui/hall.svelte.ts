// SPDX-License-Identifier: Apache-2.0
/**
 * What all views of one meeting share: the core's snapshots as reactive state,
 * which panel and layout are open, and short messages to the person.
 */
import { getContext, setContext } from 'svelte';
import {
  Failure, type Fault, type Media, type MediaState, type Meeting, type MeetingState, type Papers, type Permission,
  type Session, type Studio,
} from '../core/api.ts';
import { Reading } from './papers/reading.svelte.ts';
import { Uploads } from './papers/uploads.svelte.ts';
import { Consent } from './signs/consent.svelte.ts';
import { Wishes } from './meeting/wishes.ts';

export type Panel = 'papers' | 'chat' | 'people' | 'studio' | 'agenda';
export type Layout = 'speaker' | 'grid' | 'slides';
export interface Connection {
  meeting: Meeting;
  media: Media;
  papers: Papers;
  studio: Studio;
}
export interface Toast {
  id: number;
  fault?: Fault;
  text?: string;
  /** Until it is closed. */
  stays?: boolean;
}

const TOAST_MS = 7000;
const MAX_TOASTS = 3;

export class Hall {
  readonly session: Session;
  readonly meeting: Meeting;
  readonly media: Media;
  readonly papers: Papers;
  readonly studio: Studio;
  readonly reading: Reading;
  readonly uploads: Uploads;
  readonly wishes: Wishes;
  readonly consent: Consent;
  /** The core's snapshots. */
  state: MeetingState = $state.raw()!;
  m: MediaState = $state.raw()!;
  panel = $state<Panel | null>(null);
  /** What the person chose; null: by what there is to show. */
  layout = $state<Layout | null>(null);
  /** She has been in: an end of the meeting is a page of its own then. */
  entered = $state(false);
  /** The browser lets no sound out before a click. */
  soundBlocked = $state(false);
  toasts = $state.raw<readonly Toast[]>([]);
  #lastToast = 0;
  #unsubscribe: (() => void)[];

  constructor(session: Session, connection: Connection) {
    this.session = session;
    this.meeting = connection.meeting;
    this.media = connection.media;
    this.papers = connection.papers;
    this.studio = connection.studio;
    this.state = this.meeting.state;
    this.m = this.media.state;
    this.reading = new Reading(this);
    this.uploads = new Uploads(this);
    this.wishes = new Wishes(this.media);
    this.consent = new Consent(this);
    this.#unsubscribe = [
      this.meeting.subscribe(() => (this.state = this.meeting.state)),
      this.media.subscribe(() => (this.m = this.media.state)),
    ];
  }

  may(permission: Permission): boolean {
    return this.state.permissions.has(permission);
  }

  toggle(panel: Panel): void {
    this.panel = this.panel === panel ? null : panel;
  }

  say(toast: Omit<Toast, 'id'>): void {
    const id = ++this.#lastToast;
    this.toasts = [...this.toasts, { id, ...toast }].slice(-MAX_TOASTS);
    if (!toast.stays) setTimeout(() => this.unsay(id), TOAST_MS);
  }

  unsay(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
  }

  /** Awaits a request; a refusal becomes a message. True when it was done. */
  async try(request: Promise<unknown>): Promise<boolean> {
    try {
      await request;
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.say({ fault: error.code });
      return false;
    }
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.media.close();
  }
}

const KEY = Symbol('hall');

export function giveHall(hall: Hall): void {
  setContext(KEY, hall);
}

export function theHall(): Hall {
  return getContext<Hall>(KEY);
}
