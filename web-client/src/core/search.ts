// SPDX-License-Identifier: Apache-2.0
/** Finding words as people type them: without case and diacritics. Pure. */

/** "Chủ tọa" is found by "chu toa". */
export function searchKey(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').replace(/[đĐ]/g, 'd').toLowerCase();
}

export interface Excerpt {
  before: string;
  hit: string;
  after: string;
}

const AROUND = 40;

/** The first place of `key` (a searchKey) in the text with some words around it; null: not there. */
export function excerptOf(text: string, key: string): Excerpt | null {
  if (key === '') return null;
  const plain = text.normalize('NFC').replace(/\s+/g, ' ');
  let folded = '';
  /** Which character of `plain` each one of `folded` comes from. */
  const from: number[] = [];
  for (let i = 0; i < plain.length; i++) {
    const part = searchKey(plain[i]!);
    folded += part;
    for (let n = 0; n < part.length; n++) from.push(i);
  }
  const at = folded.indexOf(key);
  if (at < 0) return null;
  const start = from[at]!;
  const end = from[at + key.length - 1]! + 1;
  const first = start <= AROUND ? 0 : plain.lastIndexOf(' ', start - AROUND) + 1;
  const last = plain.indexOf(' ', end + AROUND);
  return {
    before: `${first > 0 ? '… ' : ''}${plain.slice(first, start)}`,
    hit: plain.slice(start, end),
    after: last < 0 ? plain.slice(end) : `${plain.slice(end, last)} …`,
  };
}
