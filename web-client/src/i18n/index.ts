// SPDX-License-Identifier: Apache-2.0
// Words of the page, Vietnamese first. No DOM: which language is chosen is the caller's business.
import type { ErrorCode, Role } from '../protocol/types.ts';
import { en, enErrors } from './en.ts';
import type { Key } from './vi.ts';
import { vi, viErrors } from './vi.ts';

export type { Key };
export type Lang = 'vi' | 'en';
export type Params = Record<string, string | number>;

const words: Record<Lang, Record<Key, string>> = { vi, en };
const errors: Record<Lang, Record<ErrorCode | 'offline', string>> = { vi: viErrors, en: enErrors };
const roleKeys: Record<Role, Key> = {
  chair: 'roleChair', secretary: 'roleSecretary', presenter: 'rolePresenter', delegate: 'roleDelegate', observer: 'roleObserver',
};

export const translate = (lang: Lang, key: Key, params: Params = {}): string =>
  words[lang][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));

export const errorText = (lang: Lang, code: ErrorCode | 'offline'): string => errors[lang][code];

export const roleText = (lang: Lang, role: Role): string => words[lang][roleKeys[role]];

/** English only for browsers that want English and not Vietnamese; this is a Vietnamese house. */
export function languageFor(stored: string | null, wanted: readonly string[]): Lang {
  if (stored === 'vi' || stored === 'en') return stored;
  for (const tag of wanted) {
    if (/^vi\b/i.test(tag)) return 'vi';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return 'vi';
}
