// SPDX-License-Identifier: Apache-2.0
/** One video element that plays the files of a recording as if they were one. */
import type { Reel, Score } from '../../core/replay.ts';

const TICK_MS = 200;
export const SPEEDS = [0.75, 1, 1.25, 1.5, 2] as const;

export class Player {
  #score: Score;
  #urlOf: (video: string) => string;
  #video: HTMLVideoElement | null = null;
  #reel: Reel | null = null;
  /** Where to go in a file whose length is not known yet. */
  #pending: number | null = null;
  /** On the one line of time. */
  at = $state(0);
  playing = $state(false);
  waiting = $state(false);
  broken = $state(false);
  muted = $state(false);
  speed = $state(1);

  constructor(score: Score, urlOf: (video: string) => string) {
    this.#score = score;
    this.#urlOf = urlOf;
  }

  /** Lends the element; the answer gives it back. */
  take(video: HTMLVideoElement): () => void {
    this.#video = video;
    const on: Record<string, () => void> = {
      play: () => (this.playing = true),
      pause: () => (this.playing = video.ended && this.#next() !== null),
      waiting: () => (this.waiting = true),
      playing: () => (this.waiting = this.broken = false),
      loadedmetadata: () => this.#land(),
      ended: () => this.#onEnded(),
      error: () => (this.broken = true),
      timeupdate: () => this.#tick(),
      seeked: () => this.#tick(),
    };
    for (const [name, listener] of Object.entries(on)) video.addEventListener(name, listener);
    const timer = setInterval(() => this.playing && this.#tick(), TICK_MS);
    this.seek(this.at);
    return () => {
      clearInterval(timer);
      for (const [name, listener] of Object.entries(on)) video.removeEventListener(name, listener);
      this.#video = null;
    };
  }

  seek(ms: number): void {
    const to = Math.min(Math.max(ms, 0), this.#score.length);
    this.at = to;
    const reel = this.#score.reelAt(to);
    if (!reel || !this.#video) return;
    this.#pending = Math.max(0, to - reel.from) / 1000;
    if (reel === this.#reel) this.#land();
    else this.#load(reel);
  }

  toggle(): void {
    if (!this.#video) return;
    if (!this.#video.paused) this.#video.pause();
    else {
      if (this.at >= this.#score.length - 500) this.seek(0);
      this.#play();
    }
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    if (this.#video) this.#video.playbackRate = speed;
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    if (this.#video) this.#video.muted = muted;
  }

  retry(): void {
    this.broken = false;
    const reel = this.#reel;
    this.#reel = null;
    if (reel) this.seek(this.at);
  }

  #load(reel: Reel): void {
    const video = this.#video!;
    const goOn = this.playing || !video.paused;
    this.#reel = reel;
    video.src = this.#urlOf(reel.video);
    if (goOn) this.#play();
  }

  #play(): void {
    this.#video?.play().catch(() => (this.playing = false));
  }

  #land(): void {
    const video = this.#video;
    if (!video || video.readyState < HTMLMediaElement.HAVE_METADATA) return;
    video.playbackRate = this.speed;
    if (this.#pending !== null) video.currentTime = Math.min(this.#pending, video.duration || this.#pending);
    this.#pending = null;
  }

  #tick(): void {
    const video = this.#video;
    if (!video || !this.#reel || this.#pending !== null || video.seeking) return;
    this.at = Math.min(this.#reel.from + video.currentTime * 1000, this.#score.length);
  }

  #next(): Reel | null {
    const index = this.#reel ? this.#score.reels.indexOf(this.#reel) : -1;
    return this.#score.reels[index + 1] ?? null;
  }

  #onEnded(): void {
    const next = this.#next();
    if (!next) {
      this.playing = false;
      this.at = this.#score.length;
      return;
    }
    this.playing = true;
    this.seek(next.from);
  }
}
