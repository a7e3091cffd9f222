// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Score, type Replay } from './replay.ts';

const page = (n: number, text: string) => ({ document: 'd1', name: 'Báo cáo.pptx', page: n, file: `d1-${n}.webp`, text });

function replay(fields: Partial<Replay> = {}): Replay {
  return {
    id: 'r', mode: 'program', state: 'ready', started: 0, seconds: 90, bytes: 1, has_video: true, error: null,
    parts: [
      { part: 1, start: 1000, duration_ms: 60_000, video: 'p1.mp4' },
      { part: 2, start: 63_000, duration_ms: 30_000, video: 'p2.mp4' },
    ],
    files: [],
    timeline: [
      { part: 1, t_ms: 5_000, type: 'chapter', document: 'd1', title: 'Báo cáo.pptx' },
      { part: 1, t_ms: 0, type: 'page', file: null },
      { part: 1, t_ms: 5_000, type: 'page', document: 'd1', page: 1 },
      { part: 1, t_ms: 6_000, type: 'speaker', name: 'Nguyễn Văn An' },
      { part: 1, t_ms: 20_000, type: 'page', document: 'd1', page: 2 },
      { part: 1, t_ms: 20_500, type: 'page', document: 'd1', page: 3 },
      { part: 1, t_ms: 30_000, type: 'item', item: 'i3', number: 3, title: 'Thảo luận' },
      { part: 2, t_ms: 0, type: 'item', item: 'i3', number: 3, title: 'Thảo luận' },
      { part: 2, t_ms: 0, type: 'page', document: 'd1', page: 3 },
      { part: 2, t_ms: 10_000, type: 'speaker', name: null },
      { part: 2, t_ms: 20_000, type: 'page', file: null },
    ],
    pages: [page(1, 'Mở đầu'), page(2, 'Mục lục'), page(3, 'Ngân sách năm 2026')],
    ...fields,
  };
}

test('parts_stand_in_a_row', () => {
  const score = new Score(replay());
  assert.equal(score.length, 90_000);
  assert.deepEqual(score.reelAt(59_999), { video: 'p1.mp4', from: 0, length: 60_000 });
  assert.deepEqual(score.reelAt(60_000), { video: 'p2.mp4', from: 60_000, length: 30_000 });
});

test('one_composed_video_covers_all_parts', () => {
  const parts = replay().parts.map((part) => ({ ...part, video: 'program.mp4' }));
  assert.deepEqual(new Score(replay({ parts })).reels, [{ video: 'program.mp4', from: 0, length: 90_000 }]);
});

test('tracks_alone_have_no_reel', () => {
  const score = new Score(replay({ parts: replay().parts.map((part) => ({ ...part, video: null })) }));
  assert.equal(score.reelAt(0), null);
  assert.equal(score.pageAt(6_000)?.page, 1);
});

test('page_and_speaker_of_every_moment', () => {
  const score = new Score(replay());
  assert.equal(score.pageAt(4_999), null);
  assert.equal(score.pageAt(5_000)?.page, 1);
  assert.equal(score.pageAt(75_000)?.page, 3);
  assert.equal(score.pageAt(80_000), null);
  assert.equal(score.pageAfter(0)?.page, 1);
  assert.equal(score.speakerAt(0), null);
  assert.equal(score.speakerAt(65_000), 'Nguyễn Văn An');
  assert.equal(score.speakerAt(70_000), null);
});

/** Items are told by number and title, pages by their number, with a mark when their document is named, and where they belong. */
const told = (score: Score) => score.chapters.map((chapter) => {
  if (chapter.kind === 'item') return [chapter.at, `${chapter.number}. ${chapter.title}`];
  return chapter.kind === 'break' ? [chapter.at, '–'] : [chapter.at, chapter.page.page, chapter.opens ? 'opens' : '', chapter.inItem ? 'in' : ''];
});

test('chapters_are_pages_that_stayed_and_items_of_the_agenda', () => {
  assert.deepEqual(told(new Score(replay())), [[5_000, 1, 'opens', ''], [20_500, 3, '', ''], [30_000, '3. Thảo luận']]);
  assert.equal(new Score(replay()).chapterAt(25_000), 1);
  assert.equal(new Score(replay()).chapterAt(0), -1);
});

test('pages_are_under_the_item_in_which_they_were_shown', () => {
  const item = (t_ms: number, number: number, title: string) => ({ part: 1, t_ms, type: 'item', item: number > 0 ? `i${number}` : null, number, title });
  const page = (t_ms: number, n: number) => ({ part: 1, t_ms, type: 'page', document: 'd1', page: n });
  const timeline = [
    item(0, 1, 'Khai mạc'), // it ran when the recording began
    page(5_000, 1), item(9_000, 2, 'Báo cáo'), page(10_000, 2), item(12_000, 2, 'Báo cáo chính trị'),
    item(20_000, 3, 'Nhầm'), item(20_500, 4, 'Thảo luận'), // leafed past
    page(30_000, 3), item(40_000, 0, ''), page(45_000, 1),
  ];
  assert.deepEqual(told(new Score(replay({ timeline }))), [
    [0, '1. Khai mạc'], [5_000, 1, 'opens', 'in'], [9_000, '2. Báo cáo chính trị'], [10_000, 2, 'opens', 'in'],
    [20_500, '4. Thảo luận'], [30_000, 3, 'opens', 'in'], [40_000, '–'], [45_000, 1, 'opens', ''],
  ]);
});

test('the_last_item_is_a_chapter_however_short', () => {
  const timeline = [{ part: 2, t_ms: 29_500, type: 'item', item: 'i1', number: 1, title: 'Bế mạc' }];
  assert.deepEqual(told(new Score(replay({ timeline }))), [[89_500, '1. Bế mạc']]);
});

test('search_leads_to_the_moment_a_page_was_first_shown', () => {
  const hits = new Score(replay()).find('ngan sach');
  assert.deepEqual(hits.map(({ at, page, excerpt }) => [at, page.page, excerpt.hit]), [[20_500, 3, 'Ngân sách']]);
  assert.deepEqual(new Score(replay()).find('  '), []);
});
