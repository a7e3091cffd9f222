// SPDX-License-Identifier: Apache-2.0
/** The language of the page: by the browser at first, then as the person chose. */
import { en } from './en.ts';
import { vi, type Words } from './vi.ts';

export type Language = 'vi' | 'en';
const KEY = 'dinh.language';
const tables: Record<Language, Words> = { vi, en };

function kept(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be switched off
  }
}

function first(): Language {
  const chosen = kept();
  if (chosen === 'vi' || chosen === 'en') return chosen;
  return navigator.language.toLowerCase().startsWith('vi') ? 'vi' : 'en';
}

class I18n {
  language = $state<Language>(first());

  /** The table of the present language. */
  get w(): Words {
    return tables[this.language];
  }

  /** Words of a part of the page that is loaded only when it is opened. */
  pick<T>(tables: Record<Language, T>): T {
    return tables[this.language];
  }

  /** "22/11/2026" */
  day(ms: number): string {
    return new Intl.DateTimeFormat(this.language, { day: 'numeric', month: 'numeric', year: 'numeric' }).format(ms);
  }

  /** "22/11/2026, 09:05" */
  when(ms: number): string {
    return `${this.day(ms)}, ${new Intl.DateTimeFormat(this.language, { hour: '2-digit', minute: '2-digit' }).format(ms)}`;
  }

  toggle(): void {
    this.language = this.language === 'vi' ? 'en' : 'vi';
    try {
      localStorage.setItem(KEY, this.language);
    } catch {
      // not kept then
    }
  }
}

export const i18n = new I18n();
