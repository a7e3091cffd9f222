// SPDX-License-Identifier: Apache-2.0
/** A recording over HTTP (signaling/API.md), for the page that plays it. */
import type { Session } from './api.ts';
import { call } from './http.ts';
import type { Replay } from './replay.ts';

export class HttpReplay {
  readonly id: string;
  #s: string;

  constructor(id: string, s: string) {
    this.id = id;
    this.#s = `s=${encodeURIComponent(s)}`;
  }

  async load(): Promise<Replay> {
    return (await (await call('GET', this.#path())).json()) as Replay;
  }

  /** Who looks at it. */
  async session(): Promise<Session> {
    return (await (await call('GET', `/api/v1/session?${this.#s}`)).json()) as Session;
  }

  async compose(): Promise<void> {
    await call('POST', this.#path('/compose'));
  }

  fileUrl(name: string, download = false): string {
    return this.#path(`/files/${encodeURIComponent(name)}`) + (download ? '&download=1' : '');
  }

  pageUrl(file: string): string {
    return this.#path(`/pages/${encodeURIComponent(file)}`);
  }

  #path(more = ''): string {
    return `/api/v1/recordings/${encodeURIComponent(this.id)}${more}?${this.#s}`;
  }
}
