// SPDX-License-Identifier: Apache-2.0
/** Recording, streaming and films over HTTP (signaling/API.md). */
import type { DocumentId, RecordingMode, RecordingRow, Session, Studio } from './api.ts';
import { call } from './http.ts';
import { HttpReplay } from './replay_http.ts';

const quoted = encodeURIComponent;

export class HttpStudio implements Studio {
  #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async recordings(): Promise<RecordingRow[]> {
    const response = await call('GET', this.#ours('recordings'));
    return ((await response.json()) as { recordings: RecordingRow[] }).recordings;
  }

  async record(mode: RecordingMode): Promise<void> {
    await call('POST', this.#ours('recordings'), { mode });
  }

  async stopRecording(recording: string): Promise<void> {
    await call('POST', this.#recording(recording, '/stop'));
  }

  async compose(recording: string): Promise<void> {
    await call('POST', this.#recording(recording, '/compose'));
  }

  async removeRecording(recording: string): Promise<void> {
    await call('DELETE', this.#recording(recording));
  }

  replayUrl(recording: string): string {
    return `/r/${quoted(recording)}?${this.#s}`;
  }

  async videoUrls(recording: string): Promise<string[]> {
    const source = new HttpReplay(recording, this.#session.s);
    const { parts } = await source.load();
    const videos = new Set(parts.flatMap(({ video }) => video ?? []));
    return [...videos].map((video) => source.fileUrl(video, true));
  }

  async setLive(on: boolean): Promise<void> {
    await call(on ? 'PUT' : 'DELETE', this.#ours('live'));
  }

  async viewerLink(): Promise<string> {
    const response = await call('POST', this.#ours('viewer-link'));
    const { url } = (await response.json()) as { url: string };
    return new URL(url, location.origin).href;
  }

  async addTarget(target: { name: string; url: string; key: string }): Promise<void> {
    await call('POST', this.#ours('rtmp'), target);
  }

  async removeTarget(id: string): Promise<void> {
    await call('DELETE', this.#ours(`rtmp/${quoted(id)}`));
  }

  async addCamera(camera: { name: string; url: string; user: string; password: string }): Promise<void> {
    await call('POST', this.#ours('cameras'), camera);
  }

  async removeCamera(id: string): Promise<void> {
    await call('DELETE', this.#ours(`cameras/${quoted(id)}`));
  }

  async playFilm(document: DocumentId): Promise<void> {
    await call('POST', this.#ours('film'), { document });
  }

  async steerFilm(change: { playing?: boolean; position_ms?: number; volume?: number }): Promise<void> {
    await call('PATCH', this.#ours('film'), change);
  }

  async stopFilm(): Promise<void> {
    await call('DELETE', this.#ours('film'));
  }

  get #s(): string {
    return `s=${quoted(this.#session.s)}`;
  }

  #ours(path: string): string {
    return `/api/v1/meetings/${this.#session.meeting.id}/${path}?${this.#s}`;
  }

  #recording(id: string, path = ''): string {
    return `/api/v1/recordings/${quoted(id)}${path}?${this.#s}`;
  }
}
