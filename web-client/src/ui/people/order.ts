// SPDX-License-Identifier: Apache-2.0
/** Who stands where in the list of people. Pure. */
import { FILM_SEAT, type Id, type Participant, type Role } from '../../core/api.ts';

const RANK: Record<Role, number> = { chair: 0, secretary: 1, presenter: 2, delegate: 3, observer: 4 };

/** Raised hands first, in the order they went up; then the speaker, the hosts, the others by name. */
export function listPeople(people: Iterable<Participant>, speaker: Id | null): Participant[] {
  const collator = new Intl.Collator('vi', { numeric: true });
  const last = Number.MAX_SAFE_INTEGER;
  return [...people]
    .filter((person) => person.online && person.id !== FILM_SEAT)
    .sort((a, b) =>
      (a.hand || last) - (b.hand || last) || Number(b.id === speaker) - Number(a.id === speaker) ||
      RANK[a.role] - RANK[b.role] || collator.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
}
