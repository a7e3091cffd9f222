// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockText, sizeText, spokenTime } from './format.ts';

const words = { hours: (n: number) => `${n} giờ`, minutes: (n: number) => `${n} phút`, seconds: (n: number) => `${n} giây` };

test('length_is_written_as_a_clock', () => {
  assert.equal(clockText(0), '0:00');
  assert.equal(clockText(125_900), '2:05');
  assert.equal(clockText(3_725_000), '1:02:05');
  assert.equal(clockText(-5), '0:00');
});

test('length_is_said_in_words', () => {
  assert.equal(spokenTime(130_000, words), '2 phút 10 giây');
  assert.equal(spokenTime(3_600_000, words), '1 giờ');
  assert.equal(spokenTime(400, words), '0 giây');
});

test('size_has_the_unit_that_reads_best', () => {
  assert.equal(sizeText(512, 'vi'), '0,5 KB');
  assert.equal(sizeText(12.5 * 1024 * 1024, 'vi'), '12,5 MB');
  assert.equal(sizeText(3 * 1024 ** 3, 'en'), '3 GB');
});
