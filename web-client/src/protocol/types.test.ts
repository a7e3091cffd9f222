// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readServerMessage } from './validate.ts';

test('types_are_those_of_the_schema', () => {
  const before = readFileSync('src/protocol/types.ts', 'utf8');
  execFileSync('npm', ['run', '--silent', 'generate'], { stdio: 'ignore' });
  assert.equal(readFileSync('src/protocol/types.ts', 'utf8'), before, 'run `npm run generate` and commit the result');
});

test('unknown_fields_pass_wrong_ones_do_not', () => {
  assert.ok(readServerMessage('{"type":"speaker","participant":null,"new":1}'));
  assert.ok(readServerMessage('{"type":"ok","id":1}'));
  assert.equal(readServerMessage('{"type":"speaker","participant":"a b"}'), null);
  assert.equal(readServerMessage('{"type":"quality","bars":9,"rtt_ms":1,"loss_permille":0,"line_bps":0,"carries":"all"}'), null);
  assert.equal(readServerMessage('{"type":"ok","id":1.5}'), null);
});

test('unknown_error_code_still_answers_the_request', () => {
  assert.deepEqual(readServerMessage('{"type":"error","id":7,"code":"brand-new","message":"?"}'), { type: 'error', id: 7, code: 'internal', message: '?' });
});
