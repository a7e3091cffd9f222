// SPDX-License-Identifier: Apache-2.0
/** The arithmetic of the stage: how large tiles can be, and who gets one. Pure. */
import type { Id, Participant, Role } from '../../core/api.ts';

export interface Box {
  width: number;
  height: number;
}

const RATIO = 16 / 9;
export const GAP = 8;

/** The size that n tiles have at most when all are to fit, and in how many columns. */
export function fitGrid(n: number, box: Box): Box & { columns: number } {
  let best = { width: 0, height: 0, columns: 1 };
  for (let columns = 1; columns <= n; columns++) {
    const rows = Math.ceil(n / columns);
    const across = (box.width - GAP * (columns - 1)) / columns;
    const down = (box.height - GAP * (rows - 1)) / rows;
    const width = Math.max(0, Math.floor(Math.min(across, down * RATIO)));
    if (width > best.width) best = { width, height: Math.floor(width / RATIO), columns };
  }
  return best;
}

/** The same on a phone held upright: tiles fill the screen and the pictures are cut to them. */
export function fillGrid(n: number, box: Box): Box & { columns: number } {
  const columns = n > 2 ? 2 : 1;
  const rows = Math.ceil(n / columns);
  const width = Math.max(0, Math.floor((box.width - GAP * (columns - 1)) / columns));
  const height = Math.max(0, Math.floor((box.height - GAP * (rows - 1)) / rows));
  return { width, height: Math.min(height, Math.floor(width * 1.25)), columns };
}

/** How many tiles, most at most, keep at least minWidth. */
export function gridCapacity(box: Box, minWidth: number, most: number): number {
  for (let n = most; n > 1; n--) if (fitGrid(n, box).width >= minWidth) return n;
  return 1;
}

/** The lines of a picture that fills (cover) or fits (contain) a box. */
export function linesOf(box: Box, cover: boolean): number {
  const byWidth = box.width / RATIO;
  return cover ? Math.max(box.height, byWidth) : Math.min(box.height, byWidth);
}

const RANK: Record<Role, number> = { chair: 0, presenter: 1, secretary: 2, delegate: 3, observer: 4 };

function ranked(people: readonly Participant[]): Participant[] {
  return people
    .map((person, index) => ({ person, index }))
    .sort((a, b) =>
      Number(b.person.camera) - Number(a.person.camera) || RANK[a.person.role] - RANK[b.person.role] || a.index - b.index)
    .map(({ person }) => person);
}

/**
 * The people who get a tile, at most n. Places are stable: who spoke lately
 * comes in for somebody else only when she is not there already.
 */
export function chooseTiles(people: readonly Participant[], lately: readonly Id[], n: number): Participant[] {
  const order = ranked(people);
  if (order.length <= n) return order;
  const here = new Set(order.map(({ id }) => id));
  const chosen = new Set(lately.filter((id) => here.has(id)).slice(0, n));
  for (const { id } of order) {
    if (chosen.size >= n) break;
    chosen.add(id);
  }
  return order.filter(({ id }) => chosen.has(id));
}

/** The grid's further leaves: leaf 0 is chooseTiles(), the others follow in their order, n to a leaf. */
export function leafOf(people: readonly Participant[], lately: readonly Id[], n: number, leaf: number): Participant[] {
  const first = chooseTiles(people, lately, n);
  if (leaf === 0) return first;
  const shown = new Set(first.map(({ id }) => id));
  return ranked(people).filter(({ id }) => !shown.has(id)).slice((leaf - 1) * n, leaf * n);
}

/** A Vietnamese is called by the last word of her name. */
export function initialOf(name: string): string {
  const last = name.trim().split(/\s+/).pop() ?? '';
  return (/[\p{L}\p{N}]/u.exec(last)?.[0] ?? '•').toLocaleUpperCase('vi');
}
