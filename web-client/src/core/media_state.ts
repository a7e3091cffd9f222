// SPDX-License-Identifier: Apache-2.0
// What this person sends (microphone, camera, screen), as she wants it, as the server was told, and as the host's mute
// changes it. One request at a time: an echo of an older one is then never taken for the host's word.
import type { Kind, Participant } from '../protocol/types.ts';

export type Sends = Record<Kind, boolean>;

export interface MediaStateOptions {
  tell: (sends: Sends) => Promise<unknown>;
  /** The host has switched these off. */
  onMuted: (kinds: Kind[]) => void;
}

const KINDS: readonly Kind[] = ['mic', 'camera', 'screen'];

export class MediaState {
  #options: MediaStateOptions;
  #wanted: Sends;
  #told: Sends = { mic: false, camera: false, screen: false };
  #busy = false;

  constructor(initial: Sends, options: MediaStateOptions) {
    this.#wanted = { ...initial };
    this.#options = options;
  }

  get wanted(): Readonly<Sends> {
    return this.#wanted;
  }

  set(kind: Kind, on: boolean): void {
    this.#wanted = { ...this.#wanted, [kind]: on };
    void this.#sync();
  }

  /** Accepted by the server (again): what it has of us is in its list of seats. */
  onWelcome(seat: Participant | undefined): void {
    this.#told = { mic: seat?.mic ?? false, camera: seat?.camera ?? false, screen: seat?.screen ?? false };
    if (seat?.muted && !seat.mic && this.#wanted.mic) this.#mute(['mic']);
    void this.#sync();
  }

  /** Our seat as the server has it after an event. */
  onSeat(seat: Participant): void {
    if (this.#busy) return;
    const muted = KINDS.filter((kind) => this.#told[kind] && this.#wanted[kind] && !seat[kind]);
    this.#told = { mic: seat.mic, camera: seat.camera, screen: seat.screen };
    if (muted.length > 0) this.#mute(muted);
  }

  #mute(kinds: Kind[]): void {
    for (const kind of kinds) this.#wanted = { ...this.#wanted, [kind]: false };
    this.#options.onMuted(kinds);
  }

  async #sync(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (KINDS.some((kind) => this.#wanted[kind] !== this.#told[kind])) {
        const sends = { ...this.#wanted };
        await this.#options.tell(sends);
        this.#told = sends;
      }
    } catch {
      // Offline: the next welcome brings us here again. Refused: the seat shows what is true.
    } finally {
      this.#busy = false;
    }
  }
}
