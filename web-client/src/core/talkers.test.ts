// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { Talkers } from './talkers.ts';

test('two who speak at once both talk, the silent one in a slot does not', () => {
  const talkers = new Talkers();
  talkers.carries(0, 'p1');
  talkers.carries(1, 'p2');
  talkers.carries(2, 'p3');
  assert.deepEqual([...talkers.at(0, [0.3, 0.1, 0.001])], ['p1', 'p2']);
});

test('a breath is bridged, silence ends it', () => {
  const talkers = new Talkers();
  talkers.carries(0, 'p1');
  talkers.at(0, [0.3]);
  assert.deepEqual([...talkers.at(500, [0])], ['p1']);
  assert.deepEqual([...talkers.at(1300, [0])], []);
});

test('sound belongs to whoever holds the slot now', () => {
  const talkers = new Talkers();
  talkers.carries(0, 'p1');
  talkers.at(0, [0.3]);
  talkers.carries(0, 'p2');
  assert.deepEqual([...talkers.at(2000, [0.3])], ['p2']);
});

test('there is nothing to look at once all slots are empty and the last has faded', () => {
  const talkers = new Talkers();
  talkers.carries(0, 'p1');
  talkers.at(0, [0.3]);
  talkers.carries(0, null);
  assert.equal(talkers.idle, false);
  talkers.at(5000, []);
  assert.equal(talkers.idle, true);
});
