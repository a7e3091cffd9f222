// SPDX-License-Identifier: Apache-2.0
// A film is uploaded like a paper, and everybody sees it together; who started it steers it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, temporaryFolder, until } from './harness.mjs';
import { whipPage } from './whip_page.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
const SECONDS = 40;
let server, browser, films, film;
before(async () => {
  films = temporaryFolder('dinh-films-');
  film = path.join(films, 'Phóng sự nông thôn mới.mp4');
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=640x360:r=25:d=${SECONDS}`, '-f', 'lavfi', '-i', `sine=440:d=${SECONDS}`,
    '-c:v', 'libx264', '-preset', 'ultrafast', '-g', '50', '-c:a', 'aac', film]);
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

async function upload(person, file) {
  const name = path.basename(file);
  if ((await person.page.getByTestId('docs-button').getAttribute('aria-expanded')) !== 'true') await person.page.getByTestId('docs-button').click();
  await person.page.getByTestId('doc-upload').setInputFiles(file);
  return person.page.getByTestId('doc-row').filter({ hasText: name });
}

const stateOf = (person) => person.page.getByTestId('film').getAttribute('data-state', { timeout: 1000 }).catch(() => null);
const inState = (person, state) => until(async () => (await stateOf(person)) === state, `the film to be ${state}`, 30000);
/** Seconds into the film, as its bar says. */
const positionOf = async (person) => {
  const [minutes, seconds] = (await person.page.getByTestId('film-time').innerText()).split(' / ')[0].split(':').map(Number);
  return 60 * minutes + seconds;
};

test('a_film_is_seen_by_all_and_steered_by_who_started_it', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting();
  const presenter = await Person.join(browser, meeting.links.presenter, 'Báo cáo viên');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', PHONE);
  const row = await upload(presenter, film);
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'the film to be checked', 60000);
  assert.match(await row.innerText(), /0:40/);

  const clicked = Date.now();
  await row.getByTestId('film-play').click();
  for (const person of [presenter, delegate]) await inState(person, 'playing');
  await until(() => delegate.page.getByTestId('film').locator('video').evaluate((video) => video.videoWidth > 0).catch(() => false), 'a picture', 30000);
  figure('film seen after', `${Date.now() - clicked} ms`);
  assert.ok(await delegate.seesMovingVideo('Phóng sự nông thôn mới'));
  assert.ok(await delegate.hears());
  assert.equal(await delegate.page.getByTestId('film-toggle').count(), 0, 'who did not start it cannot stop it');
  const [mine, large] = [await delegate.page.getByTestId('tile').filter({ hasText: 'Bạn' }).boundingBox(), await delegate.page.getByTestId('film').boundingBox()];
  assert.ok(large.width > 2 * mine.width || large.height > mine.height, 'the film has the main place');

  await presenter.page.getByTestId('film-toggle').click();
  for (const person of [presenter, delegate]) await inState(person, 'paused');
  const seek = presenter.page.getByTestId('film-seek');
  await seek.press('Home');
  await until(async () => (await positionOf(delegate)) === 0, 'the beginning at the delegate');
  for (let i = 0; i < 3; i++) {
    await seek.press('ArrowRight');
    await until(async () => (await positionOf(delegate)) === 5 * (i + 1), `second ${5 * (i + 1)} at the delegate`);
  }
  assert.equal(await seek.getAttribute('aria-valuetext'), '15 giây / 40 giây');
  await presenter.page.getByTestId('film-volume').press('Home');
  await until(async () => (await presenter.page.getByTestId('film-volume').getAttribute('aria-valuetext')) === '0%', 'the volume to be down');
  await presenter.page.getByTestId('film-toggle').click();
  await inState(delegate, 'playing');
  await until(async () => (await positionOf(delegate)) >= 17, 'the film to go on at the delegate');

  await presenter.page.getByTestId('film-stop').click();
  for (const person of [presenter, delegate]) await person.page.getByTestId('film').waitFor({ state: 'detached' });
  assert.deepEqual([presenter.errors, delegate.errors, delegate.outside], [[], [], []]);
  for (const person of [presenter, delegate]) await person.close();
});

/** As a decoder box in a hall: WHEP, and no codec but H.264. */
async function playH264(meeting) {
  const page = await whipPage(browser, `${server.base}/healthz`);
  const box = await page.evaluateHandle(([to, token]) => new window.Whip(to, token),
    [`${server.base}/whep/${meeting.id}?publishers=film`, server.token(meeting.id, 'observer')]);
  await box.evaluate((whip) => {
    const transceivers = [whip.pc.addTransceiver('audio', { direction: 'recvonly' }), whip.pc.addTransceiver('video', { direction: 'recvonly' })];
    const { codecs } = RTCRtpReceiver.getCapabilities('video');
    transceivers[1].setCodecPreferences(codecs.filter((codec) => ['video/H264', 'video/rtx'].includes(codec.mimeType)));
    return whip.offer();
  });
  return { page, whip: box };
}

/** What its pictures are in, and how many it has decoded: of the stream that flows. */
const decodes = async (stats) => {
  const report = await stats();
  const stream = report.filter((s) => s.type === 'inbound-rtp' && s.kind === 'video').sort((a, b) => (b.framesDecoded ?? 0) - (a.framesDecoded ?? 0))[0];
  return { codec: report.find((s) => s.id === stream?.codecId)?.mimeType, frames: stream?.framesDecoded ?? 0, lines: stream?.frameHeight };
};

test('a_film_goes_over_to_h264_where_it_is_when_a_player_comes_that_decodes_nothing_else', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting();
  const presenter = await Person.join(browser, meeting.links.presenter, 'Báo cáo viên', { permissions: [] });
  const row = await upload(presenter, film);
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'the film to be checked', 60000);
  await row.getByTestId('film-play').click();
  await inState(presenter, 'playing');
  const seen = () => decodes(() => presenter.stats());
  assert.equal((await until(async () => { const now = await seen(); return now.frames > 20 && now; }, 'the film', 30000)).codec, 'video/VP8');
  const [job] = server.jobs('film');
  const before = await positionOf(presenter);

  const box = await playH264(meeting);
  const shown = () => decodes(() => box.whip.evaluate(async ({ pc }) => [...(await pc.getStats()).values()]));
  const there = await until(async () => { const now = await shown(); return now.frames > 20 && now; }, 'the film at the player', 30000);
  assert.equal(there.codec, 'video/H264');
  const here = await until(async () => { const now = await seen(); return now.codec === 'video/H264' && now; }, 'H.264 at the presenter');
  await until(async () => (await seen()).frames > here.frames + 20, 'the film to go on at the presenter', 30000);
  assert.ok(await presenter.seesMovingVideo('Phóng sự nông thôn mới'));
  assert.ok(await positionOf(presenter) >= before);
  assert.deepEqual(server.jobs('film'), [job], 'the job is the same');
  figure('film in H.264 at the player', `${there.lines} lines`);

  await box.page.context().close();
  await presenter.page.getByTestId('film-stop').click();
  await presenter.page.getByTestId('film').waitFor({ state: 'detached' });
  assert.deepEqual(presenter.errors, []);
  await presenter.close();
});

test('the_chair_takes_over_and_a_film_that_ended_plays_again', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting();
  const presenter = await Person.join(browser, meeting.links.presenter, 'Báo cáo viên');
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình', PHONE);
  const row = await upload(presenter, film);
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'the film to be checked', 60000);
  await row.getByTestId('film-play').click();
  await inState(chair, 'playing');
  await chair.page.getByTestId('film-seek').press('End');
  await inState(presenter, 'ended');
  await chair.page.getByTestId('film-toggle').click();
  await inState(presenter, 'playing');
  await until(async () => (await positionOf(presenter)) < 20, 'the beginning');
  await presenter.close();
  await chair.page.getByTestId('film-stop').click();
  await chair.page.getByTestId('film').waitFor({ state: 'detached' });
  await chair.close();
});

test('a_broken_film_says_so_in_vietnamese', async () => {
  const meeting = server.createMeeting();
  const presenter = await Person.join(browser, meeting.links.presenter, 'Báo cáo viên');
  const broken = path.join(films, 'phim hỏng.mp4');
  writeFileSync(broken, readFileSync(film).subarray(0, 200000)); // the index at its end is cut off
  const row = await upload(presenter, broken);
  const message = row.getByTestId('error-message');
  await message.waitFor({ timeout: 60000 });
  assert.match(await message.innerText(), /Phim không phát được/);
  assert.equal(await row.getByTestId('film-play').count(), 0);
  await presenter.close();
});
