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
      { part: 1, t_ms: 30_000, type: 'chapter', title: 'Thảo luận' },
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

test('chapters_are_pages_that_stayed_and_points_of_the_agenda', () => {
  const { chapters } = new Score(replay());
  assert.deepEqual(chapters.map(({ at, title, page, opens }) => [at, title ?? page?.page, opens]), [[5_000, 1, true], [20_500, 3, false], [30_000, 'Thảo luận', false]]);
  assert.equal(new Score(replay()).chapterAt(25_000), 1);
  assert.equal(new Score(replay()).chapterAt(0), -1);
});

test('search_leads_to_the_moment_a_page_was_first_shown', () => {
  const hits = new Score(replay()).find('ngan sach');
  assert.deepEqual(hits.map(({ at, page, excerpt }) => [at, page.page, excerpt.hit]), [[20_500, 3, 'Ngân sách']]);
  assert.deepEqual(new Score(replay()).find('  '), []);
});
