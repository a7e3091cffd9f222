// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Jobs } from '../../core/api.ts';
import { newsOf } from './warnings.ts';

const recording = { id: 'r', state: 'on' as const, bytes: 0, seconds: 0, parts: 1, behind: false, error: null };
const jobs = (fields: Partial<Jobs> = {}): Jobs => ({ type: 'jobs', recording: null, live: null, rtmp: [], cameras: [], compose: [], ...fields });

test('what_goes_well_is_no_news', () => {
  assert.deepEqual(newsOf(null, jobs({ recording })), []);
  assert.deepEqual(newsOf(jobs({ recording }), jobs({ recording: { ...recording, bytes: 9 } })), []);
});

test('a_crash_is_told_once_and_as_mended', () => {
  const crashed = jobs({ recording: { ...recording, error: 'job-crashed' } });
  assert.deepEqual(newsOf(jobs({ recording }), crashed), [{ what: 'recording', name: '', news: 'restarted', over: false }]);
  assert.deepEqual(newsOf(crashed, crashed), []);
});

test('what_is_over_says_why', () => {
  const full = jobs({ recording: { ...recording, state: 'failed', error: 'disk-full' } });
  assert.deepEqual(newsOf(jobs({ recording }), full), [{ what: 'recording', name: '', news: 'disk-full', over: true }]);
  const crashed = { ...recording, error: 'job-crashed' as const };
  assert.equal(newsOf(jobs({ recording: crashed }), jobs({ recording: { ...crashed, state: 'failed' } }))[0]?.over, true);
});

test('receivers_and_cameras_are_named', () => {
  const rtmp = { id: 'a', name: 'Đài tỉnh', state: 'live' as const, error: null };
  const refused = jobs({ rtmp: [{ ...rtmp, state: 'failed', error: 'refused' }] });
  assert.deepEqual(newsOf(jobs({ rtmp: [rtmp] }), refused), [{ what: 'rtmp', name: 'Đài tỉnh', news: 'refused', over: true }]);
});

test('falling_behind_is_told_when_it_begins', () => {
  const behind = jobs({ recording: { ...recording, behind: true } });
  assert.equal(newsOf(jobs({ recording }), behind)[0]?.news, 'behind');
  assert.deepEqual(newsOf(behind, behind), []);
});
