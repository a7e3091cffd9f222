// SPDX-License-Identifier: Apache-2.0
// Who is shown in which video slot: turns what the layout wants into requests for the server, moving as few slots as
// possible, and knows what the slots really carry.
import type { Slots, SlotView } from '../protocol/types.ts';

export interface Want {
  participant: string;
  kind: 'camera' | 'screen';
  /** Device pixels it takes on this screen. */
  height: number;
  priority: number;
}

export const PRIORITY = { screen: 200, main: 150, speaker: 100, tile: 50 } as const;

const HEIGHT_STEP = 16; // so that a window being dragged does not make a request per pixel
const MAX_HEIGHT = 4320;

const keyOf = (participant: string, kind: string): string => `${kind} ${participant}`;

function slotView(index: number, want: Want | undefined): SlotView {
  if (!want) return { index, participant: null, kind: 'camera', height: 0, priority: 0 };
  const height = Math.min(Math.ceil(want.height / HEIGHT_STEP) * HEIGHT_STEP, MAX_HEIGHT);
  return { index, participant: want.participant, kind: want.kind, height, priority: want.priority };
}

const same = (a: SlotView, b: SlotView): boolean =>
  a.participant === b.participant && a.kind === b.kind && a.height === b.height && a.priority === b.priority;

export class ViewPlanner {
  #asked: SlotView[];
  #shown: (string | null)[];
  #heard: (string | null)[];

  constructor(videoSlots: number, audioSlots: number) {
    this.#asked = Array.from({ length: videoSlots }, (_, index) => slotView(index, undefined));
    this.#shown = Array<null>(videoSlots).fill(null);
    this.#heard = Array<null>(audioSlots).fill(null);
  }

  /** Slots to ask for now, changed ones only. The most important wants win when there are too few slots. */
  plan(wants: readonly Want[]): SlotView[] {
    const chosen = [...wants].sort((a, b) => b.priority - a.priority).slice(0, this.#asked.length);
    const next = this.#place(chosen);
    const changed = next.filter((view, index) => !same(view, this.#asked[index]!));
    this.#asked = next;
    return changed;
  }

  /** All slots that are in use, for a server that knows nothing of them. */
  all(): SlotView[] {
    return this.#asked.filter((view) => view.participant !== null);
  }

  /** The server's word on what the slots carry. */
  onSlots(message: Slots): void {
    for (const slot of message.slots) {
      if (slot.audio) this.#heard[slot.index] = slot.participant;
      else this.#shown[slot.index] = slot.participant === null ? null : keyOf(slot.participant, slot.kind);
    }
  }

  /** A new PeerConnection starts with empty slots. */
  onNewPeer(): void {
    this.#shown.fill(null);
    this.#heard.fill(null);
  }

  /** The slot that shows it, or -1. */
  slotOf(participant: string, kind: 'camera' | 'screen'): number {
    return this.#shown.indexOf(keyOf(participant, kind));
  }

  /** Who is heard in each audio slot. */
  get heard(): readonly (string | null)[] {
    return this.#heard;
  }

  #place(chosen: Want[]): SlotView[] {
    const next = this.#asked.map((_, index) => slotView(index, undefined));
    const homeless: Want[] = [];
    for (const want of chosen) {
      const kept = this.#asked.findIndex((view) => view.participant === want.participant && view.kind === want.kind);
      if (kept >= 0 && next[kept]!.participant === null) next[kept] = slotView(kept, want);
      else homeless.push(want);
    }
    for (const want of homeless) {
      const free = next.findIndex((view) => view.participant === null);
      if (free >= 0) next[free] = slotView(free, want);
    }
    return next;
  }
}
