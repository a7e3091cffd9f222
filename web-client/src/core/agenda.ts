// SPDX-License-Identifier: Apache-2.0
/** Where the meeting stands in its agenda. Pure. */
import type { Agenda, AgendaItem } from './api.ts';

/** Its number, from 1 on; 0: there is no such item. */
export function numberOf(agenda: Agenda, id: string | null): number {
  return agenda.items.findIndex((item) => item.id === id) + 1;
}

export function currentOf(agenda: Agenda): AgendaItem | null {
  return agenda.items[numberOf(agenda, agenda.item) - 1] ?? null;
}

/** After the current one; the first when none is dealt with; null at the end. */
export function nextOf(agenda: Agenda): AgendaItem | null {
  return agenda.items[numberOf(agenda, agenda.item)] ?? null;
}
