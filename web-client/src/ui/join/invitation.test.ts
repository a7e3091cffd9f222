// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { invitationIn } from './invitation.ts';

const host = 'hop.tinh.vn';

test('a whole link is taken', () => {
  assert.equal(invitationIn('https://hop.tinh.vn/m/abc-1#t=x.y_z-1', host), '/m/abc-1#t=x.y_z-1');
});

test('the link is found inside a message, without its scheme too', () => {
  assert.equal(invitationIn('Kính mời: hop.tinh.vn/m/abc#t=xyz , 8 giờ sáng', host), '/m/abc#t=xyz');
});

test('a link to another server is not followed', () => {
  assert.equal(invitationIn('https://hop.tinh.vn.la/m/abc#t=xyz', host), null);
});

test('a link without its token, or no link, is no invitation', () => {
  assert.equal(invitationIn('https://hop.tinh.vn/m/abc', host), null);
  assert.equal(invitationIn('xin chào', host), null);
});
