// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Participant } from '../../core/api.ts';
import { searchKey } from '../../core/search.ts';
import { listPeople } from './order.ts';

const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id, name: id, role: 'delegate', online: true, hand: 0, mic: false, camera: true, screen: false, muted: false, ...more,
});
const ids = (people: Participant[]) => people.map(({ id }) => id).join(' ');

test('hands come first, as they went up; then the speaker, the hosts, the others', () => {
  const people = [person('a'), person('speaker'), person('chair', { role: 'chair' }), person('late', { hand: 9 }), person('early', { hand: 4 })];
  assert.equal(ids(listPeople(people, 'speaker')), 'early late speaker chair a');
});

test('names stand in the order of the Vietnamese alphabet', () => {
  const people = [person('1', { name: 'Đông' }), person('2', { name: 'Ân' }), person('3', { name: 'Dương' }), person('4', { name: 'An' })];
  assert.equal(ids(listPeople(people, null)), '4 2 3 1');
});

test('numbers in names count as numbers', () => {
  const people = [person('1', { name: 'Chi hội 10' }), person('2', { name: 'Chi hội 2' })];
  assert.equal(ids(listPeople(people, null)), '2 1');
});

test('who is away is not listed', () => {
  assert.equal(ids(listPeople([person('a', { online: false }), person('b')], null)), 'b');
});

test('people of one name keep one order', () => {
  const two = [person('b', { name: 'Xã' }), person('a', { name: 'Xã' })];
  assert.equal(ids(listPeople(two, null)), 'a b');
  assert.equal(ids(listPeople(two.reverse(), null)), 'a b');
});

test('a search without diacritics finds them', () => {
  assert.equal(searchKey('Chủ tọa xã Đông'), 'chu toa xa dong');
});
