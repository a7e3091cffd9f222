// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { currentOf, nextOf, numberOf } from './agenda.ts';
import { isBlank, makeId, readLines, TITLE_CHARS } from './agenda_lines.ts';
import type { Agenda } from './api.ts';

const read = (text: string) => readLines(text).items.map(({ title, minutes }) => [title, minutes]);

test('one_item_a_line_without_its_number', () => {
  assert.deepEqual(read('1. Ổn định tổ chức\r\n2) Khai mạc\n\n  3.Báo cáo\nIV. Thảo luận\na) Ý kiến\n- Bế mạc\n• Văn nghệ\nMục 8: Chào cờ\n9\tTổng kết'), [
    ['Ổn định tổ chức', 0], ['Khai mạc', 0], ['Báo cáo', 0], ['Thảo luận', 0], ['Ý kiến', 0], ['Bế mạc', 0], ['Văn nghệ', 0],
    ['Chào cờ', 0], ['Tổng kết', 0],
  ]);
});

test('words_that_look_like_numbers_stay', () => {
  for (const title of ['20 năm thành lập Hội', '1.5 tỷ đồng cho nhà văn hóa', 'Vinh danh gia đình', 'Ý kiến đại biểu', '2026: nhiệm vụ mới'])
    assert.deepEqual(read(title), [[title, 0]]);
});

test('lengths_are_planned_minutes', () => {
  assert.deepEqual(read("Khai mạc (10 phút)\nBáo cáo - 20 phút\nThảo luận\t45'\nNghỉ giải lao 15 phút\nLong (900 phút)\nMỗi người không quá 5 phút."), [
    ['Khai mạc', 10], ['Báo cáo', 20], ['Thảo luận', 45], ['Nghỉ giải lao 15 phút', 15], ['Long', 0], ['Mỗi người không quá 5 phút.', 5],
  ]);
});

test('times_of_day_become_lengths', () => {
  assert.deepEqual(read('08h00 - 08h15: Đón tiếp đại biểu\n8:15–8:30\tChào cờ\nTừ 8h30 đến 9h00: Báo cáo\n9h00: Thảo luận\n10h15’\nNghỉ\n10h30 Bế mạc'), [
    ['Đón tiếp đại biểu', 15], ['Chào cờ', 15], ['Báo cáo', 30], ['Thảo luận', 75], ['Nghỉ', 15], ['Bế mạc', 0],
  ]);
});

test('what_is_too_much_is_told', () => {
  const { items, left } = readLines(Array.from({ length: 120 }, (_, i) => `Mục thứ ${i}`).join('\n'), 100);
  assert.deepEqual([items.length, left], [100, 20]);
  const [long] = readLines('Ơ'.repeat(300)).items;
  assert.equal([...long!.title].length, TITLE_CHARS);
  assert.ok(long!.title.endsWith('…'));
  assert.deepEqual(readLines(' \n\t\n–\n'), { items: [], left: 0 });
});

test('long_gaps_are_read_at_once', () => {
  for (const gap of ['\t', ' ', ' \t']) assert.deepEqual(read(`Họp${gap.repeat(100_000)}tổ dân phố${gap.repeat(100_000)}- 15 phút`), [['Họp tổ dân phố', 15]]);
});

test('the_meeting_goes_from_item_to_item', () => {
  const items = ['a', 'b'].map((id) => ({ id, title: id, minutes: 0, documents: [] }));
  const at = (item: string | null): Agenda => ({ version: 1, items, item, since: 0 });
  assert.deepEqual([nextOf(at(null))?.id, nextOf(at('a'))?.id, nextOf(at('b'))], ['a', 'b', null]);
  assert.deepEqual([currentOf(at(null)), currentOf(at('b'))?.id], [null, 'b']);
  assert.deepEqual([numberOf(at('b'), 'b'), numberOf(at('b'), null)], [2, 0]);
});

test('ids_are_uuids_of_version_7', () => {
  const id = makeId(0x018f00000000, Uint8Array.from([255, 255, 255, 255, 255, 255, 255, 255, 255, 255]));
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(id.startsWith('018f0000-0000-7'));
  assert.match(makeId(Date.now(), new Uint8Array(10)), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('letters_that_nobody_sees_make_no_title', () => {
  assert.deepEqual(readLines('A\n\u200b\nB\n1. \u200bKhai mạc\n\u3164').items.map(({ title }) => title), ['A', 'B', 'Khai mạc']);
  assert.equal(isBlank(' \u200d\u3164 '), true);
  assert.equal(isBlank('Khai mạc'), false);
});
