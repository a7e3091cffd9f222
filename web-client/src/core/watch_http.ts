// SPDX-License-Identifier: Apache-2.0
/** A viewer's way to the stream: her token opens the one answer that says where it is. */
import { call } from './http.ts';
import type { LiveInfo, LivePage, WatchSource } from './watch.ts';

export class HttpWatch implements WatchSource {
  #path: string;
  #token: string;

  constructor(meeting: string, token: string) {
    this.#path = `/api/v1/meetings/${encodeURIComponent(meeting)}/live`;
    this.#token = token;
  }

  async info(): Promise<LiveInfo> {
    return (await (await call('GET', this.#path, undefined, { authorization: `Bearer ${this.#token}` })).json()) as LiveInfo;
  }

  async pages(url: string): Promise<readonly LivePage[]> {
    const list: unknown = await (await call('GET', url)).json();
    return Array.isArray(list) ? (list as LivePage[]) : [];
  }
}

/** The link's token, or the one this tab came with: it stays neither in the address bar nor in the history. */
export function viewerToken(meeting: string, address: Location, history: History, storage: Storage): string | null {
  const key = `dinh.viewer:${meeting}`;
  const token = new URLSearchParams(address.hash.slice(1)).get('t');
  try {
    if (token) storage.setItem(key, token);
    else return storage.getItem(key);
  } catch {
    // A browser that keeps nothing: a reload needs the link again.
  }
  if (token) history.replaceState(null, '', address.pathname);
  return token;
}
