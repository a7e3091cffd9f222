// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GLANCE_MS, Sight } from './sight.ts';
import { TestClock } from './testing.ts';

function setUp() {
  const clock = new TestClock();
  const seen: boolean[] = [];
  const sight: Sight = new Sight(clock, () => seen.push(sight.shown));
  return { clock, seen, sight };
}

test('a_glance_elsewhere_changes_nothing', async () => {
  const { clock, seen, sight } = setUp();
  for (let i = 0; i < 3; i++) {
    sight.set(false);
    await clock.pass(GLANCE_MS - 1);
    sight.set(true);
    await clock.pass(10);
  }
  await clock.pass(2 * GLANCE_MS);
  assert.deepEqual(seen, []);
});

test('a_hidden_page_is_believed_late_and_a_shown_one_at_once', async () => {
  const { clock, seen, sight } = setUp();
  sight.set(false);
  await clock.pass(GLANCE_MS / 2);
  sight.set(false); // said again: no second wait
  await clock.pass(GLANCE_MS / 2);
  assert.deepEqual(seen, [false]);
  sight.set(false);
  sight.set(true);
  assert.deepEqual(seen, [false, true]);
  await clock.pass(2 * GLANCE_MS);
  assert.deepEqual(seen, [false, true]);
});

test('nothing_comes_after_the_end', async () => {
  const { clock, seen, sight } = setUp();
  sight.set(false);
  sight.close();
  await clock.pass(2 * GLANCE_MS);
  assert.deepEqual(seen, []);
});
