// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Wish } from './api.ts';
import { assignSlots, changedViews, emptied } from './slots.ts';

const wish = (participant: string, priority = 100, height = 300): Wish => ({ participant, kind: 'camera', height, priority });
const shown = (views: { participant: string | null }[]) => views.map((v) => v.participant);

test('who_has_a_slot_keeps_it', () => {
  const first = assignSlots([], [wish('a'), wish('b'), wish('c')], 4);
  const second = assignSlots(first, [wish('d'), wish('c'), wish('a')], 4);
  assert.deepEqual(shown(second), ['a', 'd', 'c', null]);
});

test('most_important_wishes_win_when_slots_are_few', () => {
  const views = assignSlots([], [wish('a', 1), wish('b', 200), wish('c', 100)], 2);
  assert.deepEqual(new Set(shown(views)), new Set(['b', 'c']));
});

test('one_wish_twice_takes_one_slot', () => {
  assert.deepEqual(shown(assignSlots([], [wish('a'), wish('a')], 2)), ['a', null]);
});

test('only_changes_are_told_and_small_growth_is_none', () => {
  const first = assignSlots([], [wish('a', 100, 301)], 2);
  const second = assignSlots(first, [wish('a', 100, 310), wish('b')], 2);
  assert.deepEqual(shown(changedViews(first, second)), ['b']);
});

test('emptied_slots_are_told_once_and_come_back_as_they_were', () => {
  const views = assignSlots([], [wish('a'), wish('b')], 3);
  assert.deepEqual(shown(changedViews(views, emptied(views))), [null, null]);
  assert.deepEqual(changedViews(emptied(views), emptied(views)), []);
  assert.deepEqual(shown(changedViews(emptied(views), assignSlots(views, [wish('c'), wish('b')], 3))), ['c', 'b']);
});
