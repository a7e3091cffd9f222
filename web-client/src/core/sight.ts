// SPDX-License-Identifier: Apache-2.0
/** Whether anybody can see this page. A glance at another one is no reason to let the pictures go. Knows no browser object. */
import type { Clock, Timer } from './clock.ts';

export const GLANCE_MS = 5000;

export class Sight {
  #clock: Clock;
  #onChange: () => void;
  #shown = true;
  #timer: Timer | null = null;

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  /** Not for longer than a glance elsewhere takes. */
  get shown(): boolean {
    return this.#shown;
  }

  /** The page is on the screen now, or is not. Shown is believed at once. */
  set(shown: boolean): void {
    if (!shown && this.#shown) {
      this.#timer ??= this.#clock.after(GLANCE_MS, () => this.#become(false));
    } else if (shown) {
      this.#stop();
      if (!this.#shown) this.#become(true);
    }
  }

  #become(shown: boolean): void {
    this.#timer = null;
    this.#shown = shown;
    this.#onChange();
  }

  #stop(): void {
    if (this.#timer) this.#clock.clear(this.#timer);
    this.#timer = null;
  }

  close(): void {
    this.#stop();
  }
}
