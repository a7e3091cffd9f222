// SPDX-License-Identifier: Apache-2.0
/**
 * Zoom and pan of a page under fingers or mouse; a swipe across an unzoomed page
 * turns it. Distances are CSS pixels from the middle of the view.
 */
interface Point {
  x: number;
  y: number;
}

export interface ZoomEvents {
  /** +1: next page, -1: the one before. */
  swipe(by: 1 | -1): void;
}

const MAX = 5;
const STEP = 1.5;
const DOUBLE_TAP = 2.5;
const DOUBLE_TAP_MS = 300;
const DOUBLE_TAP_PX = 40;
const SWIPE_PX = 50;
const TAP_PX = 10;

export class Zoom {
  scale = $state(1);
  x = $state(0);
  y = $state(0);
  /** Of the view and of the unzoomed page in it. */
  view = { width: 0, height: 0 };
  page = { width: 0, height: 0 };
  #events: ZoomEvents;
  #fingers = new Map<number, Point>();
  #start: Point = { x: 0, y: 0 };
  #moved = 0;
  #many = false;
  #tap: { at: number; where: Point } | null = null;

  constructor(events: ZoomEvents) {
    this.#events = events;
  }

  reset(): void {
    this.scale = 1;
    this.x = this.y = 0;
  }

  in(): void {
    this.#zoomAt({ x: 0, y: 0 }, this.scale * STEP);
  }

  out(): void {
    this.#zoomAt({ x: 0, y: 0 }, this.scale / STEP);
  }

  down(event: PointerEvent): void {
    this.#fingers.set(event.pointerId, this.#at(event));
    if (this.#fingers.size > 1) this.#many = true;
    else {
      this.#start = this.#at(event);
      this.#moved = 0;
      this.#many = false;
    }
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  }

  move(event: PointerEvent): void {
    const before = this.#fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#at(event);
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.#fingers.set(event.pointerId, now);
    if (other) this.#pinch(before, now, other);
    else if (this.scale > 1) this.#pan(now.x - before.x, now.y - before.y);
    this.#moved = Math.max(this.#moved, Math.hypot(now.x - this.#start.x, now.y - this.#start.y));
  }

  up(event: PointerEvent): void {
    const end = this.#at(event);
    if (!this.#fingers.delete(event.pointerId) || this.#fingers.size > 0 || this.#many) return;
    if (this.#moved < TAP_PX) this.#tapped(end, event.timeStamp);
    else if (this.scale === 1 && event.pointerType !== 'mouse') this.#swiped(end.x - this.#start.x, end.y - this.#start.y);
  }

  cancel(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
  }

  wheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.#zoomAt(this.#at(event), this.scale * Math.exp(-event.deltaY / 200));
  }

  #at(event: MouseEvent): Point {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }

  #pinch(before: Point, now: Point, other: Point): void {
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(now.x - other.x, now.y - other.y);
    if (was > 0) this.#zoomAt({ x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }, (this.scale * is) / was);
  }

  #tapped(where: Point, at: number): void {
    const last = this.#tap;
    const near = last && Math.hypot(where.x - last.where.x, where.y - last.where.y) < DOUBLE_TAP_PX;
    if (!last || !near || at - last.at > DOUBLE_TAP_MS) {
      this.#tap = { at, where };
      return;
    }
    this.#tap = null;
    if (this.scale > 1) this.reset();
    else this.#zoomAt(where, DOUBLE_TAP);
  }

  #swiped(across: number, down: number): void {
    if (Math.abs(across) < SWIPE_PX || Math.abs(across) < Math.abs(down) * 1.5) return;
    this.#events.swipe(across < 0 ? 1 : -1);
  }

  #zoomAt(where: Point, wanted: number): void {
    const scale = Math.min(Math.max(wanted, 1), MAX);
    const factor = scale / this.scale;
    this.x = where.x - (where.x - this.x) * factor;
    this.y = where.y - (where.y - this.y) * factor;
    this.scale = scale;
    this.#pan(0, 0);
  }

  #pan(x: number, y: number): void {
    const most = (size: number, room: number) => Math.max(0, (size * this.scale - room) / 2);
    const clamp = (value: number, limit: number) => Math.min(Math.max(value, -limit), limit);
    this.x = clamp(this.x + x, most(this.page.width, this.view.width));
    this.y = clamp(this.y + y, most(this.page.height, this.view.height));
  }
}
