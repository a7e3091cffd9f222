// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excerptOf, searchKey } from './search.ts';

test('words_are_found_without_case_and_diacritics', () => {
  assert.deepEqual(excerptOf('Kế hoạch\nĐẦU TƯ công', searchKey('đầu tu')), { before: 'Kế hoạch ', hit: 'ĐẦU TƯ', after: ' công' });
  assert.equal(excerptOf('Kế hoạch', searchKey('ngân sách')), null);
  assert.equal(excerptOf('Kế hoạch', ''), null);
});

test('decomposed_text_is_found_too', () => {
  assert.equal(excerptOf('Tổng kết'.normalize('NFD'), searchKey('tổng kết'))?.hit, 'Tổng kết');
});

test('long_text_is_cut_at_words', () => {
  const text = `${'đầu '.repeat(40)}mục tiêu ${'cuối '.repeat(40)}`;
  const found = excerptOf(text, searchKey('muc tieu'))!;
  assert.match(found.before, /^… đầu (đầu )+$/);
  assert.equal(found.hit, 'mục tiêu');
  assert.match(found.after, /^( cuối)+ …$/);
});
