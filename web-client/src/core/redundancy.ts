// SPDX-License-Identifier: Apache-2.0
/**
 * Whether my voice should carry each frame twice (RFC 2198): where the line up loses
 * packets, not where it is clean, for it costs as much again. Knows no browser object.
 */
const LOSSY = 0.03;
const CLEAN = 0.01;
/** A line that lost packets a moment ago soon does again. */
const HOLD_MS = 30_000;

export class Redundancy {
  #on = false;
  #lossyAt = 0;

  /** loss: share of my packets that the server missed lately, 0..1. Returns whether to carry them twice. */
  decide(loss: number, now: number): boolean {
    if (loss >= LOSSY || (this.#on && loss > CLEAN)) {
      this.#on = true;
      this.#lossyAt = now;
    } else if (now - this.#lossyAt > HOLD_MS) {
      this.#on = false;
    }
    return this.#on;
  }
}

/** The SDP with this codec's payload type first in its first audio line; unchanged where it is not listed. */
export function preferInFirstAudio(sdp: string, codec: string): string {
  const line = /^m=audio .*$/m.exec(sdp)?.[0];
  const type = new RegExp(`^a=rtpmap:(\\d+) ${codec}/`, 'mi').exec(sdp)?.[1];
  if (!line || !type) return sdp;
  const [media, port, protocol, ...types] = line.trim().split(' ');
  if (!types.includes(type)) return sdp;
  return sdp.replace(line.trim(), [media, port, protocol, type, ...types.filter((other) => other !== type)].join(' '));
}
