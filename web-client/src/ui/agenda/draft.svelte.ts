// SPDX-License-Identifier: Apache-2.0
/** An agenda that is being edited: only its editor sees it until it is saved. It outlives the panel. */
import type { Agenda, AgendaItem, DocumentId } from '../../core/api.ts';
import { isBlank, makeId, MAX_ITEMS, MAX_MINUTES, type ReadLines } from '../../core/agenda_lines.ts';

export interface DraftItem {
  id: DocumentId;
  title: string;
  /** As it is typed. */
  minutes: string;
  documents: DocumentId[];
}

export type Wrong = { at: number; what: 'title' | 'minutes' };

const newItem = (title: string, minutes: number): DraftItem => ({
  id: makeId(Date.now(), crypto.getRandomValues(new Uint8Array(10))), title, minutes: minutes > 0 ? String(minutes) : '', documents: [],
});

export class Draft {
  /** Of the agenda it began from. */
  version = $state(0);
  items = $state<DraftItem[]>([]);
  #began: string;

  constructor({ version, items }: Agenda) {
    this.version = version;
    this.items = items.map(({ id, title, minutes, documents }) => ({ id, title, minutes: minutes > 0 ? String(minutes) : '', documents: [...documents] }));
    this.#began = JSON.stringify(this.items);
  }

  get changed(): boolean {
    return JSON.stringify(this.items) !== this.#began;
  }

  get room(): number {
    return MAX_ITEMS - this.items.length;
  }

  /** After what stands at `at`. Returns the first new one's place. */
  insert(at: number, lines: ReadLines['items']): number {
    const fresh = lines.slice(0, this.room).map(({ title, minutes }) => newItem(title, minutes));
    this.items.splice(at + 1, 0, ...fresh);
    return at + 1;
  }

  add(): number {
    return this.insert(this.items.length - 1, [{ title: '', minutes: 0 }]);
  }

  /** False: it stands at that end. */
  move(at: number, by: number): boolean {
    const to = at + by;
    const item = this.items[at];
    if (!item || to < 0 || to >= this.items.length) return false;
    this.items.splice(at, 1);
    this.items.splice(to, 0, item);
    return true;
  }

  /** The first thing that stands against saving it. */
  get wrong(): Wrong | null {
    for (const [at, { title, minutes }] of this.items.entries()) {
      if (isBlank(title)) return { at, what: 'title' };
      const n = Number(minutes.trim() || '0');
      if (!Number.isInteger(n) || n < 0 || n > MAX_MINUTES) return { at, what: 'minutes' };
    }
    return null;
  }

  /** What is sent. Papers that the meeting has no more are left out. */
  result(papers: ReadonlySet<DocumentId>): AgendaItem[] {
    return this.items.map(({ id, title, minutes, documents }) => ({
      id, title: title.trim(), minutes: Number(minutes.trim() || '0'), documents: documents.filter((document) => papers.has(document)),
    }));
  }
}

/** The one that is being written in this tab, if any. */
export const desk = $state<{ draft: Draft | null }>({ draft: null });
