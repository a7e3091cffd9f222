// SPDX-License-Identifier: Apache-2.0
// The HTTP side (signaling/API.md). fetch is injected.
import { httpError, sessionInfo } from '../protocol/validate.ts';
import type { SessionInfo } from '../protocol/validate.ts';
import type { ErrorCode } from '../protocol/types.ts';
import type { PageRef } from './pages.ts';

export type Fetch = (url: string, init?: RequestInit) => Promise<Response>;

export class HttpError extends Error {
  readonly code: ErrorCode | 'offline';
  readonly status: number;
  constructor(code: ErrorCode | 'offline', status: number) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

function codeOf(status: number, body: unknown): ErrorCode {
  const known = httpError(body);
  if (known) return known.code;
  switch (status) {
    case 401:
      return 'token-invalid';
    case 403:
      return 'forbidden';
    case 404:
      return 'not-found';
    case 413:
      return 'too-large';
    case 429:
      return 'too-fast';
    case 507:
      return 'storage-full';
    default:
      return 'internal';
  }
}

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

async function call(fetch: Fetch, url: string, init?: RequestInit): Promise<unknown> {
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, { credentials: 'same-origin', cache: 'no-store', ...init });
    body = json(await response.text());
  } catch {
    throw new HttpError('offline', 0);
  }
  if (!response.ok) throw new HttpError(codeOf(response.status, body), response.status);
  return body;
}

async function session(fetch: Fetch, url: string, init?: RequestInit): Promise<SessionInfo> {
  const info = sessionInfo(await call(fetch, url, init));
  if (!info) throw new HttpError('internal', 200);
  return info;
}

/** A token from a link becomes a session. */
export const openSession = (fetch: Fetch, meeting: string, token: string): Promise<SessionInfo> =>
  session(fetch, '/api/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ meeting, token }),
  });

export const readSession = (fetch: Fetch, s: number): Promise<SessionInfo> => session(fetch, `/api/v1/session?s=${s}`);

/** An upload's answer: a code when it failed. */
export const uploadErrorCode = (status: number, body: string): ErrorCode | null =>
  status >= 200 && status < 300 ? null : codeOf(status, json(body));

export const uploadUrl = (meeting: string, s: number, name: string): string =>
  `/api/v1/meetings/${encodeURIComponent(meeting)}/documents?s=${s}&name=${encodeURIComponent(name)}`;

export const documentUrl = (id: string, s: number, what: 'original' | 'pdf'): string => `/api/v1/documents/${id}/${what}?s=${s}`;

export const pageUrl = ({ document, page, size }: PageRef, s: number): string =>
  `/api/v1/documents/${document}/pages/${page}/${size}?s=${s}`;

export const removeDocument = async (fetch: Fetch, id: string, s: number): Promise<void> => {
  await call(fetch, `/api/v1/documents/${id}?s=${s}`, { method: 'DELETE' });
};

export const socketUrl = (origin: string, s: number): string => `${origin.replace(/^http/, 'ws')}/ws?s=${s}`;
