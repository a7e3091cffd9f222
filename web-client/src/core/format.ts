// SPDX-License-Identifier: Apache-2.0
/** Sizes and lengths of time, as people write and say them. Pure. */

/** "12,5 MB" */
export function sizeText(bytes: number, language: string): string {
  const units = ['KB', 'MB', 'GB'];
  let n = bytes / 1024;
  let unit = 0;
  while (n >= 1000 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(n)} ${units[unit]}`;
}

/** "2:05", "1:02:05" */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${two(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}

export interface TimeWords {
  hours: (n: number) => string;
  minutes: (n: number) => string;
  seconds: (n: number) => string;
}

/** "2 phút 5 giây": what a screen reader says. */
export function spokenTime(ms: number, w: TimeWords): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const said = [h > 0 ? w.hours(h) : '', m > 0 ? w.minutes(m) : '', s > 0 ? w.seconds(s) : ''].filter(Boolean);
  return said.join(' ') || w.seconds(0);
}
