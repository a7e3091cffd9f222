// SPDX-License-Identifier: Apache-2.0
/**
 * A recording as it is watched: its parts in a row on one line of time, and what the timeline
 * says was shown and who spoke at each moment of it. Pure.
 *
 * A recording's parts are the runs of its job; between them some seconds may be missing. One
 * line of time has them without the gaps, as the composed video has.
 */
import type { Fault } from './api.ts';
import { excerptOf, searchKey, type Excerpt } from './search.ts';

export interface ReplayPart {
  part: number;
  /** Milliseconds since 1970. */
  start: number;
  duration_ms: number;
  video: string | null;
}

export interface ReplayFile {
  name: string;
  part: number;
  participant: string | null;
  name_of: string | null;
  kind: string;
  codec: string | null;
  bytes: number;
  duration_ms: number;
}

/**
 * page: from now on this page is presented (file null: nothing). speaker: who speaks (name null: nobody). item: of the agenda,
 * begins or is called so from now on (item null: none is dealt with). chapter: another paper begins.
 */
export interface TimelineItem {
  part: number;
  t_ms: number;
  type: string;
  document?: string | null;
  page?: number | null;
  file?: string | null;
  name?: string | null;
  title?: string | null;
  item?: string | null;
  number?: number | null;
}

export interface ReplayPage {
  document: string;
  name: string;
  page: number;
  file: string;
  text: string;
}

export interface Replay {
  id: string;
  mode: string;
  state: string;
  started: number;
  seconds: number;
  bytes: number;
  has_video: boolean;
  error: Fault | null;
  parts: ReplayPart[];
  files: ReplayFile[];
  timeline: TimelineItem[];
  pages: ReplayPage[];
}

/** One file to be played from `from` on. */
export interface Reel {
  video: string;
  from: number;
  length: number;
}

/** An item of the agenda begins, there is none any more, or a page is shown. */
export type Chapter =
  | { at: number; kind: 'item'; number: number; title: string }
  | { at: number; kind: 'break' }
  | {
      at: number;
      kind: 'page';
      page: ReplayPage;
      /** The first page of a document after something else. */
      opens: boolean;
      /** It was shown while an item of the agenda was dealt with. */
      inItem: boolean;
    };

type Heading = Exclude<Chapter, { kind: 'page' }>;

export interface Hit {
  at: number;
  page: ReplayPage;
  excerpt: Excerpt;
}

interface Moment<T> {
  at: number;
  what: T;
}

/** Pages leafed past on the way to another are no chapters, nor are items. */
const LEAST_SHOWN_MS = 1500;

export class Score {
  readonly length: number;
  readonly reels: readonly Reel[];
  readonly chapters: readonly Chapter[];
  #starts = new Map<number, number>();
  #pages: Moment<ReplayPage | null>[] = [];
  #speakers: Moment<string | null>[] = [];

  constructor(replay: Replay) {
    let at = 0;
    const reels: Reel[] = [];
    for (const { part, duration_ms, video } of [...replay.parts].sort((a, b) => a.part - b.part)) {
      this.#starts.set(part, at);
      const last = reels.at(-1);
      if (video !== null && last?.video === video) last.length += duration_ms;
      else if (video !== null) reels.push({ video, from: at, length: duration_ms });
      at += duration_ms;
    }
    this.length = at;
    this.reels = reels;
    this.chapters = opened(lasting(this.#read(replay), at));
  }

  #read(replay: Replay): Chapter[] {
    const pages = new Map(replay.pages.map((page) => [`${page.document} ${page.page}`, page]));
    const items = replay.timeline
      .map((item) => ({ ...item, at: (this.#starts.get(item.part) ?? 0) + item.t_ms }))
      .sort((a, b) => a.at - b.at);
    const chapters: Chapter[] = [];
    let heading: Heading | null = null;
    let point: string | null = null;
    for (const item of items) {
      const at = Math.max(0, item.at);
      if (item.type === 'speaker') this.#speakers.push({ at, what: item.name ?? null });
      if (item.type === 'item') {
        const next = item.item ?? null;
        if (next !== point) chapters.push((heading = headingOf(item, at)));
        else if (heading?.kind === 'item') Object.assign(heading, wordsOf(item)); // said again, or it got another title or place
        point = next;
      }
      if (item.type !== 'page') continue;
      const page = (item.document && pages.get(`${item.document} ${item.page}`)) || null;
      const before = this.#pages.at(-1)?.what ?? null;
      if (page === before) continue; // said again at the start of a part
      this.#pages.push({ at, what: page });
      if (page) chapters.push({ at, kind: 'page', page, opens: page.document !== before?.document, inItem: point !== null });
    }
    return chapters;
  }

  pageAt(ms: number): ReplayPage | null {
    return lastBefore(this.#pages, ms) ?? null;
  }

  /** The one that comes next, to be fetched ahead. */
  pageAfter(ms: number): ReplayPage | null {
    return this.#pages.find(({ at, what }) => at > ms && what !== null)?.what ?? null;
  }

  speakerAt(ms: number): string | null {
    return lastBefore(this.#speakers, ms) ?? null;
  }

  reelAt(ms: number): Reel | null {
    return this.reels.findLast(({ from }) => from <= ms) ?? this.reels[0] ?? null;
  }

  /** The chapter that runs at this moment, as an index. */
  chapterAt(ms: number): number {
    return this.chapters.findLastIndex(({ at }) => at <= ms);
  }

  /** Pages with these words, each where it was shown first. */
  find(words: string): Hit[] {
    const key = searchKey(words.trim().replace(/\s+/g, ' '));
    const found: Hit[] = [];
    const seen = new Set<ReplayPage>();
    for (const { at, what: page } of this.#pages) {
      if (!page || seen.has(page)) continue;
      seen.add(page);
      const excerpt = excerptOf(page.text, key) ?? excerptOf(page.name, key);
      if (excerpt) found.push({ at, page, excerpt });
    }
    return found;
  }
}

const wordsOf = ({ number, title }: TimelineItem) => ({ number: number ?? 0, title: title ?? '' });

function headingOf(item: TimelineItem, at: number): Heading {
  return item.item ? { at, kind: 'item', ...wordsOf(item) } : { at, kind: 'break' };
}

/** Those that were not over at once; each lasts until the next of its kind: pages go on when an item begins. */
function lasting(chapters: Chapter[], end: number): Chapter[] {
  const ends: { page?: number; heading?: number } = {};
  return [...chapters].reverse().filter((chapter) => {
    const kind = chapter.kind === 'page' ? 'page' : 'heading';
    const next = ends[kind];
    ends[kind] = chapter.at;
    return (next ?? end) - chapter.at >= LEAST_SHOWN_MS || (kind === 'heading' && next === undefined);
  }).reverse();
}

/** A document is named again under another heading. */
function opened(chapters: Chapter[]): Chapter[] {
  return chapters.map((chapter, i) => {
    const before = chapters[i - 1];
    if (chapter.kind !== 'page') return chapter;
    return { ...chapter, opens: chapter.opens || before?.kind !== 'page' || before.page.document !== chapter.page.document };
  });
}

function lastBefore<T>(moments: readonly Moment<T>[], ms: number): T | undefined {
  return moments.findLast(({ at }) => at <= ms)?.what;
}
