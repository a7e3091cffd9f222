// SPDX-License-Identifier: Apache-2.0
/** Sessions and papers over HTTP (signaling/API.md). */
import type { Document, DocumentId, Papers, Session, Sessions, Upload } from './api.ts';
import { Failure, type Fault } from './api.ts';
import type { Clock } from './clock.ts';
import { Pages } from './pages.ts';

async function failureOf(response: Response): Promise<Failure> {
  const body = (await response.json().catch(() => ({}))) as { code?: Fault };
  return new Failure(body.code ?? 'internal');
}

export async function call(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw new Failure('offline');
  }
  if (!response.ok) throw await failureOf(response);
  return response;
}

export class HttpSessions implements Sessions {
  /** The tab's own memory: a reload keeps the seat, another tab is another person. */
  constructor(private readonly storage: Storage) {}

  async open(meetingId: string, token: string | null): Promise<Session> {
    const key = `dinh:${meetingId}`;
    if (token) {
      const response = await call('POST', '/api/v1/session', { meeting: meetingId, token });
      const session = (await response.json()) as Session;
      try {
        this.storage.setItem(key, session.s);
      } catch {
        // A browser that keeps nothing: a reload needs the link again.
      }
      return session;
    }
    const kept = this.storage.getItem(key);
    if (!kept) throw new Failure('token-invalid');
    return (await (await call('GET', `/api/v1/session?s=${encodeURIComponent(kept)}`)).json()) as Session;
  }
}

const PROGRESS_EVERY_MS = 100;
/** The server's own bound (docs-share/api.h): said before a long upload, not after it. */
const MAX_UPLOAD_BYTES = 200 * 1024 * 1024;
const MAX_FILM_BYTES = 2 * 1024 * 1024 * 1024;
const FILM = /\.(mp4|mov|m4a|mkv|webm|mp3|ogg)$/i;

export class HttpPapers implements Papers {
  #session: Session;
  #clock: Clock;
  #pages: Pages;

  constructor(session: Session, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    this.#pages = new Pages({ fetch: fetchPage, forget: (url) => URL.revokeObjectURL(url) }, clock);
  }

  get #s(): string {
    return `s=${encodeURIComponent(this.#session.s)}`;
  }

  upload(file: File, onProgress: (progress: number) => void): Upload {
    if (file.size > (FILM.test(file.name) ? MAX_FILM_BYTES : MAX_UPLOAD_BYTES))
      return { name: file.name, progress: 0, cancel() {}, done: Promise.reject(new Failure('doc-too-large')) };
    const request = new XMLHttpRequest(); // fetch cannot tell how much was sent
    let told = 0;
    const upload: Upload = {
      name: file.name,
      progress: 0,
      cancel: () => request.abort(),
      done: new Promise((resolve, reject) => {
        request.upload.onprogress = ({ loaded, total }) => {
          const now = this.#clock.now();
          if (now - told < PROGRESS_EVERY_MS && loaded < total) return;
          told = now;
          upload.progress = total > 0 ? loaded / total : 0;
          onProgress(upload.progress);
        };
        request.onload = () => {
          const body = parse(request.responseText) as (Document & { code?: Fault }) | null;
          if (request.status === 201 && body) resolve(body);
          else reject(new Failure(body?.code ?? 'internal'));
        };
        request.onerror = request.onabort = () => reject(new Failure('upload-broken'));
      }),
    };
    request.open('POST', `/api/v1/meetings/${this.#session.meeting.id}/documents?${this.#s}&name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.send(file);
    return upload;
  }

  async remove(document: DocumentId): Promise<void> {
    await call('DELETE', `/api/v1/documents/${document}?${this.#s}`);
  }

  url(document: DocumentId, what: 'original' | 'pdf'): string {
    return `/api/v1/documents/${document}/${what}?${this.#s}`;
  }

  page(document: DocumentId, page: number, size: 'screen' | 'phone'): Promise<string> {
    return this.#pages.now(this.#path(document, page, size));
  }

  ahead(document: DocumentId, page: number, size: 'screen' | 'phone'): void {
    this.#pages.soon(this.#path(document, page, size));
  }

  #path(document: DocumentId, page: number, size: string): string {
    return `/api/v1/documents/${document}/pages/${page}/${size}?${this.#s}`;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function fetchPage(path: string): Promise<string | null> {
  let response: Response;
  try {
    response = await fetch(path);
  } catch {
    throw new Failure('offline');
  }
  if (response.ok) return URL.createObjectURL(await response.blob());
  if (response.status === 404 || response.status >= 500) return null; // not made yet
  throw await failureOf(response);
}
