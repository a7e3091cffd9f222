// SPDX-License-Identifier: Apache-2.0
/**
 * Which page this person sees: the presenter's, or one of her own. The presenter
 * sees a page at once when she turns it, before the server has confirmed it.
 */
import type { Document, DocumentId, Presentation } from '../../core/api.ts';
import type { Hall } from '../hall.svelte.ts';

export interface Place {
  document: DocumentId;
  page: number;
}

export class Reading {
  #hall: Hall;
  /** Her own place; null: she follows. */
  own = $state.raw<Place | null>(null);
  /** A turn on its way to the server. */
  #turning = $state.raw<Place | null>(null);

  constructor(hall: Hall) {
    this.#hall = hall;
  }

  get presentation(): Presentation | null {
    return this.#hall.state.presentation;
  }

  get presenting(): boolean {
    return this.presentation !== null && this.presentation.presenter === this.#hall.state.self;
  }

  /** On the presenter's page (or she is the presenter). */
  get following(): boolean {
    return this.own === null && this.presentation !== null;
  }

  get place(): Place | null {
    if (this.own) return this.own;
    if (this.presenting && this.#turning) return this.#turning;
    const shown = this.presentation;
    return shown && { document: shown.document, page: shown.page };
  }

  get document(): Document | null {
    const place = this.place;
    return place ? (this.#hall.state.documents.find((document) => document.id === place.document) ?? null) : null;
  }

  get pages(): number {
    return Math.max(this.document?.pages ?? 0, this.place?.page ?? 0);
  }

  open(document: DocumentId): void {
    const shown = this.presentation;
    this.own = { document, page: shown?.document === document ? shown.page : 1 };
  }

  follow(): void {
    this.own = null;
  }

  async present(document: DocumentId): Promise<void> {
    const page = this.own?.document === document ? this.own.page : 1;
    if (await this.#hall.try(this.#hall.meeting.present(document, page))) this.own = null;
  }

  async stop(): Promise<void> {
    await this.#hall.try(this.#hall.meeting.stopPresenting());
  }

  /** Turns the page: for everybody when she presents, else for herself. */
  turn(by: number): void {
    if (this.place) this.goTo(this.place.page + by);
  }

  /** The same for any page. */
  goTo(wanted: number): void {
    const place = this.place;
    if (!place) return;
    const page = Math.min(Math.max(wanted, 1), this.pages);
    if (page === place.page) return;
    const next = { document: place.document, page };
    if (this.presenting && !this.own) void this.#turnForAll(next);
    else this.own = next;
  }

  async #turnForAll(next: Place): Promise<void> {
    this.#turning = next;
    await this.#hall.try(this.#hall.meeting.present(next.document, next.page));
    if (this.#turning === next) this.#turning = null;
  }
}
