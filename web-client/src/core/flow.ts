// SPDX-License-Identifier: Apache-2.0
/**
 * Notices that media which came all the time comes no more, long before the
 * browser's own connectivity checks do. Swept every FLOW_SWEEP_MS.
 */
export const FLOW_SWEEP_MS = 100;

const USUAL_OF = 10;
const USUAL = 8;
const PAUSE = 3;

export class Flow {
  /** Was there something new? Oldest first. */
  #history: boolean[] = [];
  #last = 0;
  #stalled = false;

  /** The last pause of a steady flow still lasts. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** lastArrival: any number that grows with what arrives. True once per pause of a steady flow. */
  sweep(lastArrival: number): boolean {
    const moved = lastArrival !== this.#last;
    this.#history.push(moved);
    this.#last = lastArrival;
    if (moved) this.#stalled = false;
    if (this.#history.length > USUAL_OF + PAUSE) this.#history.shift();
    const usual = this.#history.slice(0, -PAUSE);
    const paused = this.#history.length > PAUSE && !this.#history.slice(-PAUSE).includes(true) && usual.at(-1) === true;
    const noticed = paused && usual.filter(Boolean).length >= USUAL;
    if (noticed) this.#stalled = true;
    return noticed;
  }

  /** Another source: nothing is usual yet. */
  clear(): void {
    this.#history = [];
    this.#stalled = false;
  }
}
