// SPDX-License-Identifier: Apache-2.0
/** A programme from a letter or a table, and ids for its items: needed by who writes one only. Pure. */
export const MAX_ITEMS = 100;
export const MAX_PAPERS = 20;
export const MAX_MINUTES = 600;
export const TITLE_CHARS = 200;

/** A UUID of version 7. random: 10 bytes. */
export function makeId(now: number, random: Uint8Array): string {
  const hex = (bytes: Uint8Array | number[]) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const time = now.toString(16).padStart(12, '0');
  const [a, b, c, ...rest] = random as unknown as [number, number, number, ...number[]];
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex([a, b]).slice(1)}-${hex([(c & 0x3f) | 0x80, rest[0]!])}-${hex(rest.slice(1, 7))}`;
}

export interface ReadLines {
  items: { title: string; minutes: number }[];
  /** Lines for which there was no room. */
  left: number;
}

const TIME = String.raw`(\d{1,2})\s*(?:h|g|giờ|:)\s*(\d{2})?\s*(?:phút|['’′])?`;
const STARTS = new RegExp(String.raw`^(?:từ|lúc)?\s*${TIME}(?:\s*(?:-|–|—|đến|tới)\s*${TIME})?(?=[\s:.,;–—-]|$)`, 'iu');
/** "1.", "2)", "III.", "a)", "Mục 4:", a table's "5⇥", a bullet. A number alone may belong to the words. */
const NUMBERED = /^(?:mục\s+\d{1,3}\s*[:.)–-]|\d{1,3}(?:\.\d{1,3})*(?:[.)](?!\d)|\t)|[IVXLC]{1,6}[.)]|\p{L}\)|[-–—•·*+▪◦✓])\s*/iu;
const MINUTES = /(\d{1,3})\s*(?:phút|ph|['’′]|min(?:utes?)?)\.?$/iu;
/** A length of time that stands apart goes from the title: "(15 phút)", "- 15 phút". */
const APART = /(?:\s*[-–—,:\t]\s*|\s*)[([]\s*\d{1,3}\s*(?:phút|ph|['’′]|min(?:utes?)?)\.?\s*[)\]]\.?$|\s*[-–—,:\t]\s*\d{1,3}\s*(?:phút|ph|['’′]|min(?:utes?)?)\.?$/iu;

interface Line {
  title: string;
  minutes: number;
  starts: number | null;
}

/** Minutes since midnight; null: no time of day. */
function timeOf(hour: string | undefined, minute: string | undefined): number | null {
  const [h, m] = [Number(hour), Number(minute ?? 0)];
  return hour !== undefined && h < 24 && m < 60 ? h * 60 + m : null;
}

function bounded(minutes: number): number {
  return minutes >= 1 && minutes <= MAX_MINUTES ? minutes : 0;
}

function cut(title: string): string {
  const chars = [...title];
  return chars.length <= TITLE_CHARS ? title : `${chars.slice(0, TITLE_CHARS - 1).join('')}…`;
}

/** What a word processor leaves between letters, and nobody sees. */
const UNSEEN = /[\u00ad\u200b\u200e\u200f\u2060\ufeff]/g;
const NOTHING_SEEN = /^[\s\p{Default_Ignorable_Code_Point}]*$/u;

/** A title that nobody could read is none. */
export const isBlank = (title: string): boolean => NOTHING_SEEN.test(title);

function readLine(text: string): Line {
  // One space or tab at a time: the patterns try each split of a run of them, and a table has long ones.
  let rest = text.trim().replace(/\s+/g, (run) => (run.includes('\t') ? '\t' : ' ')).replace(NUMBERED, '');
  let [starts, minutes] = [null as number | null, 0];
  const time = STARTS.exec(rest);
  if (time) {
    starts = timeOf(time[1], time[2]);
    const ends = timeOf(time[3], time[4]);
    if (starts !== null && ends !== null) minutes = bounded(ends - starts);
    if (starts !== null) rest = rest.slice(time[0].length).replace(/^[\s:.,;–—-]+/, '').replace(NUMBERED, '');
  }
  const length = MINUTES.exec(rest.replace(/[)\]]\.?$/, '').trim());
  if (minutes === 0 && length) minutes = bounded(Number(length[1]));
  const title = rest.replace(APART, '').replace(/\s+/g, ' ').replace(/^[:.,;–—-]+\s*|\s*[;,]$/g, '').trim();
  return { title: cut(title), minutes, starts };
}

/** One item a line, as it stands in a document: without numbers; times of day become lengths. */
export function readLines(text: string, room = MAX_ITEMS): ReadLines {
  const lines: Line[] = [];
  let alone: Line | null = null; // a time of day on a line of its own belongs to the next one
  for (const line of text.replace(UNSEEN, '').split(/\r\n|[\n\r\v\u2028]/).map(readLine)) {
    if (isBlank(line.title)) {
      if (line.starts !== null) alone = line;
      continue;
    }
    lines.push(alone && line.starts === null ? { ...line, starts: alone.starts, minutes: line.minutes || alone.minutes } : line);
    alone = null;
  }
  const items = lines.slice(0, room).map(({ title, minutes, starts }, i) => {
    const next = lines[i + 1]?.starts ?? null;
    return { title, minutes: minutes || (starts !== null && next !== null ? bounded(next - starts) : 0) };
  });
  return { items, left: lines.length - items.length };
}
