// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Participant } from '../../core/api.ts';
import { chooseTiles, fillGrid, fitGrid, GAP, gridCapacity, initialOf, leafOf, linesOf } from './layout.ts';

const person = (id: string, more: Partial<Participant> = {}): Participant => ({
  id, name: id, role: 'delegate', online: true, hand: 0, mic: false, camera: true, screen: false, muted: false, ...more,
});
const ids = (people: Participant[]) => people.map(({ id }) => id).join(' ');

test('every grid of up to 25 tiles fits its box', () => {
  for (const box of [{ width: 1280, height: 640 }, { width: 344, height: 560 }, { width: 600, height: 250 }])
    for (let n = 1; n <= 25; n++) {
      const { width, height, columns } = fitGrid(n, box);
      const rows = Math.ceil(n / columns);
      assert.ok(width * columns + GAP * (columns - 1) <= box.width, `${n} across`);
      assert.ok(height * rows + GAP * (rows - 1) <= box.height, `${n} down`);
    }
});

test('a wide box puts two side by side, a high one above each other', () => {
  assert.equal(fitGrid(2, { width: 1200, height: 400 }).columns, 2);
  assert.equal(fitGrid(2, { width: 400, height: 1200 }).columns, 1);
});

test('a box without room gives tiles of no size, not of a negative one', () => {
  assert.deepEqual(fitGrid(4, { width: 0, height: 0 }), { width: 0, height: 0, columns: 1 });
  assert.equal(fillGrid(4, { width: 4, height: 0 }).height, 0);
});

test('on an upright phone three have two columns and fill the width', () => {
  const { width, columns } = fillGrid(3, { width: 344, height: 560 });
  assert.equal(columns, 2);
  assert.equal(width * 2 + GAP, 344);
});

test('no more tiles than keep their least width, and never fewer than one', () => {
  const box = { width: 1280, height: 640 };
  const n = gridCapacity(box, 190, 25);
  assert.ok(fitGrid(n, box).width >= 190);
  assert.equal(gridCapacity({ width: 10, height: 10 }, 190, 25), 1);
});

test('a picture that fills its box needs more lines than one that fits it', () => {
  assert.equal(linesOf({ width: 320, height: 100 }, true), 180);
  assert.equal(linesOf({ width: 320, height: 100 }, false), 100);
});

test('cameras come first, then the chair, then who came earlier', () => {
  const people = [person('a', { camera: false }), person('b'), person('c', { role: 'chair' })];
  assert.equal(ids(chooseTiles(people, [], 9)), 'c b a');
});

test('who spoke lately gets a tile, and the others keep their places', () => {
  const people = ['a', 'b', 'c', 'd'].map((id) => person(id));
  assert.equal(ids(chooseTiles(people, ['d', 'gone'], 3)), 'a b d');
});

test('the leaves together show everybody exactly once', () => {
  const people = Array.from({ length: 60 }, (_, i) => person(`p${i}`, { camera: i % 3 === 0 }));
  const seen = [0, 1, 2].flatMap((leaf) => leafOf(people, ['p50'], 24, leaf)).map(({ id }) => id);
  assert.equal(seen.length, 60);
  assert.equal(new Set(seen).size, 60);
  assert.deepEqual(leafOf(people, [], 24, 3), []);
});

test('the initial is the one of the last word, whatever is written', () => {
  assert.equal(initialOf('Điểm cầu xã đông'), 'Đ');
  assert.equal(initialOf('  Thư ký  '), 'K');
  assert.equal(initialOf('Hội trường (2)'), '2');
  assert.equal(initialOf('…'), '•');
  assert.equal(initialOf(''), '•');
});
