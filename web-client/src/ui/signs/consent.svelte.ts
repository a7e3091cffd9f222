// SPDX-License-Identifier: Apache-2.0
/** What this person has read about being recorded and streamed: kept for the tab, so that a reload does not ask anew. */
import type { Hall } from '../hall.svelte.ts';

const KEY = 'dinh.understood';
const KEPT = 20;

function kept(): string[] {
  try {
    const known: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(known) ? known.map(String) : [];
  } catch {
    return []; // storage switched off, or not ours
  }
}

export class Consent {
  #hall: Hall;
  #understood = $state.raw<readonly string[]>(kept());

  constructor(hall: Hall) {
    this.#hall = hall;
  }

  /** The recording she has not been told of. Who began it knows. */
  get recording(): string | null {
    const now = this.#hall.state.recording;
    return now && this.#news(now.by, now.recording);
  }

  /** The same of the stream. */
  get live(): string | null {
    const now = this.#hall.state.live;
    return now && this.#news(now.by, `live-${now.since}`);
  }

  understand(what: readonly string[]): void {
    this.#understood = [...this.#understood, ...what].slice(-KEPT);
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.#understood));
    } catch {
      // A reload asks again then.
    }
  }

  #news(by: string, what: string): string | null {
    return by === this.#hall.state.self || this.#understood.includes(what) ? null : what;
  }
}
