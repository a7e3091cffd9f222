// SPDX-License-Identifier: Apache-2.0
// Names and words of people.

/** Control characters and the invisible ones that turn or hide text. */
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** One line, without what cannot be seen. The server cleans again. */
export const cleanName = (text: string): string =>
  text.normalize('NFC').replace(/[\n\t]/g, ' ').replace(UNSEEN, '').replace(/\s+/g, ' ').trim();

export const cleanText = (text: string): string => text.normalize('NFC').replace(UNSEEN, '').trim();

/** For searching: without case and diacritics, so that "chu toa" finds "Chủ tọa". */
export const searchKey = (text: string): string =>
  text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[đĐ]/g, 'd').toLowerCase();

/** A Vietnamese is called by the last word of the name: "Nguyễn Văn Hoa" is "NH". */
export function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const last = words.length > 1 ? [...words[words.length - 1]!][0]! : '';
  return (first + last).toLocaleUpperCase('vi');
}

/** A number that stays with an id, 0 … n-1. */
export function hueOf(id: string, n: number): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.codePointAt(0)!) >>> 0;
  return hash % n;
}

export function formatBytes(bytes: number, locale: string): string {
  const units = ['B', 'KB', 'MB', 'GB'];
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1024)), units.length - 1);
  const value = (bytes / 1024 ** power).toLocaleString(locale, { maximumFractionDigits: power > 1 ? 1 : 0 });
  return `${value} ${units[power]}`;
}

/** The meeting's id in /m/{meeting}, or null. */
export function meetingFromPath(path: string): string | null {
  return /^\/m\/([A-Za-z0-9._-]{1,100})\/?$/.exec(path)?.[1] ?? null;
}

/** A join link that was pasted: its path and fragment, wherever it pointed. */
export function linkFromText(text: string): { meeting: string; token: string } | null {
  const match = /\/m\/([A-Za-z0-9._-]{1,100})\/?#t=([A-Za-z0-9._~+/=-]+)/.exec(text.trim());
  return match ? { meeting: match[1]!, token: match[2]! } : null;
}
