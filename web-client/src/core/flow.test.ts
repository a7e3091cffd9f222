// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Flow } from './flow.ts';

/** Sweeps n times, something new in every nth of them (0: never); at which sweeps a pause was noticed. */
function run(flow: Flow, n: number, every: number, from: { last: number }): number[] {
  const noticed = [];
  for (let i = 1; i <= n; i++) {
    if (every && i % every === 0) from.last += 1;
    if (flow.sweep(from.last)) noticed.push(i);
  }
  return noticed;
}

test('a_steady_flow_that_stops_is_noticed_once', () => {
  const flow = new Flow();
  const from = { last: 1 };
  assert.deepEqual(run(flow, 20, 1, from), []);
  assert.deepEqual(run(flow, 100, 0, from), [3]);
  assert.ok(flow.stalled);
  assert.deepEqual(run(flow, 20, 1, from), []);
  assert.ok(!flow.stalled);
  assert.deepEqual(run(flow, 100, 0, from), [3]);
});

test('what_comes_now_and_then_is_never_missed', () => {
  for (const every of [2, 4, 10, 50]) {
    const flow = new Flow();
    const from = { last: 1 };
    assert.deepEqual(run(flow, 200, every, from), []);
    assert.deepEqual(run(flow, 100, 0, from), []);
  }
});

test('after_another_source_nothing_is_usual', () => {
  const flow = new Flow();
  const from = { last: 1 };
  run(flow, 20, 1, from);
  flow.clear();
  assert.deepEqual(run(flow, 5, 1, from), []);
  assert.deepEqual(run(flow, 100, 0, from), []);
});
