// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from './api.ts';
import { settle, TestClock } from './testing.ts';
import { pageAt, Watch, type LiveInfo, type LivePage } from './watch.ts';

const ON: LiveInfo = { on: true, title: 'Hội nghị', playlist: '/live/K/index.m3u8', pages: '/live/K/pages.json' };
const OFF: LiveInfo = { on: false, title: 'Hội nghị', playlist: null, pages: null };

function setUp() {
  const clock = new TestClock();
  const server = { info: OFF as LiveInfo | Failure, pages: [] as LivePage[], asked: 0, read: 0 };
  const watch = new Watch({
    info: async () => {
      server.asked++;
      if (server.info instanceof Failure) throw server.info;
      return server.info;
    },
    pages: async () => {
      server.read++;
      return server.pages;
    },
  }, clock);
  watch.start();
  return { clock, server, watch };
}

test('waits_for_the_stream_and_finds_it', async () => {
  const { clock, server, watch } = setUp();
  await settle();
  assert.equal(watch.state.phase, 'waiting');
  server.info = ON;
  await clock.pass(8000);
  assert.equal(watch.state.phase, 'live');
  assert.equal(watch.state.playlist, '/live/K/index.m3u8');
  assert.equal(watch.state.base, '/live/K/');
});

test('asks_for_nothing_but_pages_while_it_plays', async () => {
  const { clock, server, watch } = setUp();
  server.info = ON;
  await clock.pass(8000);
  const { asked, read } = server;
  server.pages = [{ t: 5, file: 'pages/a-1.webp' }];
  await clock.pass(60_000);
  assert.equal(server.asked, asked);
  assert.equal(server.read - read, 30);
  assert.deepEqual(watch.state.pages, server.pages);
});

test('the_end_is_told_and_another_beginning_too', async () => {
  const { clock, server, watch } = setUp();
  server.info = ON;
  await clock.pass(8000);
  server.info = OFF;
  watch.check();
  await clock.pass(10);
  assert.equal(watch.state.phase, 'ended');
  assert.equal(watch.state.playlist, null);
  server.info = { ...ON, playlist: '/live/L/index.m3u8' };
  await clock.pass(8000);
  assert.equal(watch.state.playlist, '/live/L/index.m3u8');
  watch.close();
});

test('a_network_that_fails_is_trouble_and_a_bad_link_is_the_end', async () => {
  const { clock, server, watch } = setUp();
  server.info = new Failure('offline');
  await clock.pass(8000);
  assert.equal(watch.state.phase, 'waiting');
  assert.equal(watch.state.trouble, true);
  server.info = new Failure('token-expired');
  await clock.pass(8000);
  assert.equal(watch.state.phase, 'refused');
  assert.equal(watch.state.fault, 'token-expired');
  const { asked } = server;
  await clock.pass(60_000);
  assert.equal(server.asked, asked);
});

test('page_of_the_moment_on_the_screen', () => {
  const pages = [{ t: 100, file: 'pages/a-1.webp' }, { t: 200, file: 'pages/a-2.webp' }, { t: 300, file: null }];
  assert.equal(pageAt(pages, 99), null);
  assert.equal(pageAt(pages, 150)?.file, 'pages/a-1.webp');
  assert.equal(pageAt(pages, 200)?.file, 'pages/a-2.webp');
  assert.equal(pageAt(pages, 301), null);
});
