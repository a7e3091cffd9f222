// SPDX-License-Identifier: Apache-2.0
/** What the browser remembers: the name for the next meeting, and the seat of this tab over a reload. */

export interface Seat {
  meeting: string;
  name: string;
  mic: boolean;
  camera: boolean;
}

const NAME = 'dinh.name';
const SEAT = 'dinh.seat';

function guarded<T>(read: () => T, otherwise: T): T {
  try {
    return read();
  } catch {
    return otherwise; // storage switched off, or not ours
  }
}

export const keptName = (): string => guarded(() => localStorage.getItem(NAME) ?? '', '');

export const keepName = (name: string): void => guarded(() => localStorage.setItem(NAME, name), undefined);

/** The seat this tab sat in when it was reloaded. */
export function keptSeat(meeting: string): Seat | null {
  const seat = guarded(() => JSON.parse(sessionStorage.getItem(SEAT) ?? 'null') as Seat | null, null);
  return seat?.meeting === meeting ? seat : null;
}

export function keepSeat(seat: Seat | null): void {
  guarded(() => (seat ? sessionStorage.setItem(SEAT, JSON.stringify(seat)) : sessionStorage.removeItem(SEAT)), undefined);
}
