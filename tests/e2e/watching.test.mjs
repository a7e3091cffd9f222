// SPDX-License-Identifier: Apache-2.0
// Who is not in the meeting follows it by a link: the picture, the sound, the page in step.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, freePort, launch, Person, Server, until } from './harness.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
let server, browser;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

const played = (viewer) => viewer.page.getByTestId('watch-video').evaluate((video) => video.currentTime).catch(() => 0);
const behind = (viewer) => viewer.page.getByTestId('watch-bar').getAttribute('data-behind-ms').then(Number, () => 0);

async function plays(viewer) {
  const from = await until(() => played(viewer), 'the stream to be there', 60000);
  await until(async () => (await played(viewer)) > from + 1, 'the stream to play', 60000);
}

// Runs in the page: a browser that lets no sound out before a press.
function noAutoplay() {
  let pressed = false;
  addEventListener('click', () => (pressed = true), true);
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    return pressed ? play.call(this) : Promise.reject(new DOMException('no', 'NotAllowedError'));
  };
}

test('viewers_wait_watch_and_are_told_of_the_end', { timeout: 240000 }, async () => {
  const meeting = server.createMeeting('Hội nghị phát trực tiếp');
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', PHONE);
  await chair.page.getByTestId('studio-button').click();
  await chair.page.getByTestId('get-viewer-link').click();
  const link = await chair.page.getByTestId('viewer-link').inputValue();
  assert.match(link, new RegExp(`^${server.base}/w/${meeting.id}#t=`));

  const viewer = await Person.open(browser, link, { permissions: [] });
  const waiting = viewer.page.getByTestId('watch-waiting');
  await until(async () => (await waiting.getAttribute('data-phase')) === 'waiting', 'the viewer to wait');
  assert.equal(viewer.page.url(), `${server.base}/w/${meeting.id}`, 'the token does not stay in the address bar');
  const phone = await Person.open(browser, link, { ...PHONE, permissions: [], script: noAutoplay });

  await chair.page.getByTestId('live-start').click();
  for (const person of [chair, delegate]) await person.page.getByTestId('live-sign').waitFor();
  await delegate.page.getByTestId('live-notice').getByTestId('understood').click();
  await plays(viewer);
  figure('viewer behind the meeting', `${((await behind(viewer)) / 1000).toFixed(1)} s`);
  await phone.page.getByTestId('watch-start').click({ timeout: 60000 });
  await plays(phone);
  await until(async () => (await chair.page.getByTestId('live-viewers').innerText()).startsWith('2 '), 'two viewers to be counted', 60000);

  await chair.page.getByTestId('docs-button').click();
  await chair.page.getByTestId('doc-upload').setInputFiles({ name: 'so-do.png', mimeType: 'image/png', buffer: await chair.page.screenshot() });
  const row = chair.page.getByTestId('doc-row').filter({ hasText: 'so-do.png' });
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'the paper to be ready', 60000);
  await row.getByTestId('doc-present').click();
  for (const person of [viewer, phone]) {
    const image = person.page.getByTestId('watch-page').locator('img');
    await image.waitFor({ timeout: 60000 });
    assert.ok(await until(() => image.evaluate(({ complete, naturalWidth }) => complete && naturalWidth > 900), 'a sharp page'));
    const overflow = await person.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
  }

  await phone.page.getByTestId('sound-only').click();
  await until(() => phone.page.getByTestId('watch-video').evaluate((video) => video.videoHeight === 0 && video.currentTime > 0 && !video.paused), 'sound alone', 60000);
  await plays(phone);
  await viewer.page.reload();
  await plays(viewer);

  await chair.page.getByTestId('studio-button').click();
  await chair.page.getByTestId('live-stop').click();
  await chair.page.getByTestId('confirm-yes').click();
  for (const person of [chair, delegate]) await person.page.getByTestId('live-sign').waitFor({ state: 'detached' });
  for (const person of [viewer, phone])
    await until(async () => (await person.page.getByTestId('watch-waiting').getAttribute('data-phase', { timeout: 500 }).catch(() => null)) === 'ended', 'the viewer to be told of the end', 60000);
  assert.deepEqual([viewer.errors, viewer.outside, chair.errors], [[], [], []]);
  for (const person of [chair, delegate, viewer, phone]) await person.close();
});

test('receivers_and_cameras_that_do_not_answer_are_told_in_words_and_can_be_removed', { timeout: 120000 }, async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình', PHONE);
  const field = (name) => chair.page.getByTestId(name);
  const closed = await freePort();
  await chair.page.getByRole('button', { name: 'Thêm', exact: true }).click();
  await field('studio-button').click();
  await field('target-add').click();
  await field('target-name').fill('Đài tỉnh');
  await field('target-url').fill('http://khong-phai-rtmp');
  await field('target-key').fill('khoa-bi-mat');
  await field('target-send').click();
  assert.equal(await field('target-url').getAttribute('aria-invalid'), 'true');
  await field('target-url').fill(`rtmp://127.0.0.1:${closed}/live`);
  await field('target-send').click();
  await until(async () => /Không kết nối được/.test(await field('target-row').innerText().catch(() => '')), 'the receiver\'s state', 60000);

  await field('camera-add').click();
  await field('camera-name').fill('Camera toàn cảnh');
  await field('camera-url').fill(`rtsp://127.0.0.1:${closed}/stream`);
  await field('camera-password').fill('mat-khau');
  await field('camera-send').click();
  await until(async () => /Không kết nối được|không thấy trả lời/.test(await field('camera-row').innerText().catch(() => '')), 'the camera\'s state', 60000);
  assert.ok(!(await chair.page.content()).includes('khoa-bi-mat'), 'the key is nowhere in the page');

  for (const row of ['target-row', 'camera-row']) {
    await field(row).getByRole('button').click();
    await field(row).waitFor({ state: 'detached' });
  }
  assert.deepEqual(chair.errors, []);
  await chair.close();
});

test('a_link_that_is_not_for_viewers_opens_nothing', async () => {
  const meeting = server.createMeeting();
  const other = server.createMeeting();
  for (const token of ['khong.dung', server.token(other.id, 'viewer')]) {
    const viewer = await Person.open(browser, `${server.base}/w/${meeting.id}#t=${token}`, { permissions: [] });
    await viewer.page.getByTestId('error-message').waitFor();
    await viewer.close();
  }
  const nobody = await Person.open(browser, `${server.base}/w/${meeting.id}`, { permissions: [] });
  await nobody.page.getByRole('heading', { name: 'Chưa xem được' }).waitFor();
  await nobody.close();
});
