// SPDX-License-Identifier: Apache-2.0
/** Collects from the tiles on the screen which pictures are wanted at what height, and tells the core. */
import type { Media, Wish } from '../../core/api.ts';

const MAX_HEIGHT = 4320;

export class Wishes {
  #media: Media;
  #places = new Map<symbol, Wish>();
  #told = true;
  /** How many pictures this screen may have at once. */
  limit = 9;

  constructor(media: Media) {
    this.#media = media;
  }

  set(place: symbol, wish: Wish): void {
    const height = Math.min(Math.round(wish.height), MAX_HEIGHT);
    this.#places.set(place, { ...wish, height });
    this.#soon();
  }

  drop(place: symbol): void {
    if (this.#places.delete(place)) this.#soon();
  }

  again(limit: number): void {
    if (limit === this.limit) return;
    this.limit = limit;
    this.#soon();
  }

  #soon(): void {
    if (!this.#told) return;
    this.#told = false;
    queueMicrotask(() => {
      this.#told = true;
      const wishes = [...this.#places.values()].filter((wish) => wish.height > 0);
      wishes.sort((a, b) => b.priority - a.priority || b.height - a.height);
      this.#media.wish(wishes.slice(0, this.limit));
    });
  }
}
