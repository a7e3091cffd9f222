// SPDX-License-Identifier: Apache-2.0
/** Which wish goes into which video slot: most important first, and nobody moves without need. Pure. */
import type { SlotView } from '../protocol/types.ts';
import type { Wish } from './api.ts';

const key = (participant: string, kind: string) => `${kind}:${participant}`;
/** A tile that grows by a few pixels is not worth a message. */
const HEIGHT_STEP = 30;

export function assignSlots(current: readonly SlotView[], wishes: readonly Wish[], nSlots: number): SlotView[] {
  const chosen = new Map<string, Wish>();
  for (const wish of [...wishes].sort((a, b) => b.priority - a.priority)) {
    if (chosen.size === nSlots) break;
    if (!chosen.has(key(wish.participant, wish.kind))) chosen.set(key(wish.participant, wish.kind), wish);
  }
  const next: (SlotView | null)[] = Array.from({ length: nSlots }, () => null);
  for (const old of current) {
    const wish = old.participant === null ? undefined : chosen.get(key(old.participant, old.kind));
    if (!wish || old.index >= nSlots) continue;
    chosen.delete(key(wish.participant, wish.kind));
    next[old.index] = toView(old.index, wish);
  }
  const waiting = [...chosen.values()];
  return next.map((view, index) => {
    if (view) return view;
    const wish = waiting.shift();
    return wish ? toView(index, wish) : emptyView(index);
  });
}

/** The same slots with nothing in them. */
export function emptied(views: readonly SlotView[]): SlotView[] {
  return views.map(({ index }) => emptyView(index));
}

function emptyView(index: number): SlotView {
  return { index, participant: null, kind: 'camera', height: 0, priority: 0 };
}

function toView(index: number, wish: Wish): SlotView {
  const height = Math.min(4320, Math.ceil(wish.height / HEIGHT_STEP) * HEIGHT_STEP);
  return { index, participant: wish.participant, kind: wish.kind, height, priority: wish.priority };
}

/** The views that the server has to be told of. */
export function changedViews(before: readonly SlotView[], after: readonly SlotView[]): SlotView[] {
  return after.filter((view) => {
    const old = before[view.index];
    return !old || old.participant !== view.participant || old.kind !== view.kind || old.height !== view.height || old.priority !== view.priority;
  });
}
