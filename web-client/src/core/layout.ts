// SPDX-License-Identifier: Apache-2.0
// Where tiles go: the arithmetic of the stage, and who is worth one.
import type { Participant } from '../protocol/types.ts';

export interface Grid {
  columns: number;
  rows: number;
  width: number;
  height: number;
}

export interface Area {
  width: number;
  height: number;
  gap: number;
}

const ASPECT = 16 / 9;

/** The arrangement of n tiles that makes them largest. */
export function bestGrid(n: number, { width, height, gap }: Area): Grid {
  let best: Grid = { columns: 1, rows: Math.max(n, 1), width: 0, height: 0 };
  for (let columns = 1; columns <= Math.max(n, 1); columns++) {
    const rows = Math.ceil(Math.max(n, 1) / columns);
    const cellWidth = (width - gap * (columns - 1)) / columns;
    const cellHeight = (height - gap * (rows - 1)) / rows;
    const tileWidth = Math.max(Math.min(cellWidth, cellHeight * ASPECT), 0);
    if (tileWidth > best.width) best = { columns, rows, width: Math.floor(tileWidth), height: Math.floor(tileWidth / ASPECT) };
  }
  return best;
}

/** How many tiles of at least minWidth fit. */
export function gridCapacity(area: Area, minWidth: number, most: number): number {
  for (let n = most; n > 1; n--) if (bestGrid(n, area).width >= minWidth) return n;
  return 1;
}

/** Lines of video worth asking for, in device pixels, when a 16:9 picture fills (cover) or fits (contain) a box. */
export function videoHeight(box: { width: number; height: number }, fit: 'cover' | 'contain', pixelRatio: number): number {
  const byWidth = box.width / ASPECT;
  const lines = fit === 'cover' ? Math.max(box.height, byWidth) : Math.min(box.height, byWidth);
  return Math.round(lines * Math.min(pixelRatio, 2));
}

/** How many video slots a device asks for once and for all. */
export function videoSlotsFor(screen: { width: number; height: number }, isTouch: boolean): number {
  if (isTouch && Math.min(screen.width, screen.height) < 600) return 4;
  return Math.max(screen.width, screen.height) >= 2400 ? 16 : 9;
}

const ROLE_RANK: Record<Participant['role'], number> = { chair: 0, presenter: 1, secretary: 2, delegate: 3, observer: 4 };

/** Remembers who has spoken, so that a stage of nine shows the nine that matter, without tiles jumping about. */
export class StageOrder {
  #spokeAt = new Map<string, number>();
  #firstPage: string[] = [];

  onSpeaker(participant: string | null, now: number): void {
    if (participant) this.#spokeAt.set(participant, now);
  }

  /** Ids in the order of tiles. The first page keeps its places; whoever must come in takes the least important one's. */
  order(participants: Iterable<Participant>, pageSize: number): string[] {
    const ranked = [...participants].sort((a, b) => this.#compare(a, b)).map((p) => p.id);
    const top = new Set(ranked.slice(0, pageSize));
    const places = this.#firstPage.slice(0, pageSize).map((id) => (top.has(id) ? id : null));
    const newcomers = ranked.slice(0, pageSize).filter((id) => !places.includes(id));
    const filled = places.map((id) => id ?? newcomers.shift() ?? null);
    this.#firstPage = [...filled.filter((id) => id !== null), ...newcomers];
    return [...this.#firstPage, ...ranked.slice(pageSize)];
  }

  #compare(a: Participant, b: Participant): number {
    const spoke = (this.#spokeAt.get(b.id) ?? -1) - (this.#spokeAt.get(a.id) ?? -1);
    return Number(b.role === 'chair') - Number(a.role === 'chair') || spoke || Number(b.camera) - Number(a.camera) ||
      ROLE_RANK[a.role] - ROLE_RANK[b.role] || Number(b.mic) - Number(a.mic) || (a.id < b.id ? -1 : 1);
  }
}
