// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from './api.ts';
import { Pages } from './pages.ts';
import { settle, TestClock } from './testing.ts';

function setUp() {
  const clock = new TestClock();
  const asked: string[] = [];
  const answers = new Map<string, (url: string | null) => void>();
  const forgotten: string[] = [];
  const pages = new Pages({
    fetch: (path) => {
      asked.push(path);
      return new Promise((resolve) => answers.set(path, resolve));
    },
    forget: (url) => forgotten.push(url),
  }, clock);
  const answer = async (path: string, url: string | null = `blob:${path}`) => {
    answers.get(path)!(url);
    await settle();
  };
  return { clock, asked, answer, forgotten, pages };
}

test('three_at_once_and_the_page_looked_at_goes_first', async () => {
  const { asked, answer, pages } = setUp();
  for (const n of [1, 2, 3, 4]) pages.soon(`${n}`);
  const now = pages.now('9');
  assert.deepEqual(asked, ['1', '2', '3']);
  await answer('1');
  assert.deepEqual(asked, ['1', '2', '3', '9']);
  await answer('9');
  assert.equal(await now, 'blob:9');
});

test('fetched_once', async () => {
  const { asked, answer, pages } = setUp();
  pages.soon('1');
  const now = pages.now('1');
  await answer('1');
  assert.equal(await now, 'blob:1');
  assert.equal(await pages.now('1'), 'blob:1');
  assert.deepEqual(asked, ['1']);
});

test('page_that_is_not_made_yet_is_asked_for_again', async () => {
  const { clock, asked, answer, pages } = setUp();
  const now = pages.now('1');
  await answer('1', null);
  await clock.pass(1000);
  assert.deepEqual(asked, ['1', '1']);
  await answer('1');
  assert.equal(await now, 'blob:1');
});

test('refusal_is_told_and_not_repeated', async () => {
  const clock = new TestClock();
  let asked = 0;
  const pages = new Pages({ fetch: async () => { asked++; throw new Failure('forbidden'); }, forget() {} }, clock);
  await assert.rejects(pages.now('1'), (e: Failure) => e.code === 'forbidden');
  await clock.pass(10000);
  assert.equal(asked, 1);
});

test('memory_is_bounded_and_the_oldest_goes', async () => {
  const { answer, forgotten, pages } = setUp();
  for (let n = 0; n < 60; n++) {
    pages.soon(`${n}`);
    await answer(`${n}`);
  }
  assert.equal(forgotten.length, 12);
  assert.equal(forgotten[0], 'blob:0');
});
