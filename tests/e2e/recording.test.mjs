// SPDX-License-Identifier: Apache-2.0
// A meeting that is recorded says so to everybody; afterwards it is watched with its pages in step.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, temporaryFolder, until } from './harness.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
let server, browser, papers;
before(async () => {
  papers = temporaryFolder('dinh-papers-');
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

/** A paper of a few words a page. */
function paper(name, pages) {
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', `<</Type/Pages/Count ${pages.length}/Kids[${pages.map((_, i) => `${4 + 2 * i} 0 R`).join(' ')}]>>`,
    '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'];
  for (const text of pages) {
    const draw = `BT /F 36 Tf 60 220 Td (${text}) Tj ET`;
    objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 640 360]/Resources<</Font<</F 3 0 R>>>>/Contents ${objects.length + 2} 0 R>>`);
    objects.push(`<</Length ${draw.length}>>stream\n${draw}\nendstream`);
  }
  let file = '%PDF-1.4\n';
  const at = objects.map((object, i) => {
    const from = file.length;
    file += `${i + 1} 0 obj${object}endobj\n`;
    return from;
  });
  const xref = file.length;
  file += `xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${at.map((n) => `${String(n).padStart(10, '0')} 00000 n \n`).join('')}trailer<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${xref}\n%%EOF\n`;
  writeFileSync(path.join(papers, name), file);
  return path.join(papers, name);
}

async function openStudio(person) {
  if (!(await person.page.getByTestId('studio-button').isVisible())) await person.page.getByRole('button', { name: 'Thêm', exact: true }).click();
  await person.page.getByTestId('studio-button').click();
}

async function stopRecording(person) {
  await person.page.getByTestId('record-stop').click();
  await person.page.getByTestId('confirm-yes').click();
  await person.page.getByTestId('recording-sign').waitFor({ state: 'detached' });
}

const lengthOf = (person) => person.page.getByTestId('recording-length').innerText().then((text) => {
  const [minutes, seconds] = text.split(':').map(Number);
  return 60 * minutes + seconds;
}, () => 0);

const readyRow = async (person, timeout = 60000) => {
  const row = person.page.getByTestId('recording-row').first();
  await until(async () => (await row.getAttribute('data-state').catch(() => null)) === 'ready', 'the recording to be ready', timeout);
  return row;
};

/** The tab that plays it; its errors are the test's. */
async function openReplay(person, row) {
  const [page] = await Promise.all([person.context.waitForEvent('page'), row.getByTestId('replay-link').click()]);
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.getByTestId('replay-seek').waitFor();
  return { page, errors };
}

const shownPage = (page) => page.getByTestId('replay-page').getAttribute('data-page').then(Number);
const playTime = (page) => page.getByTestId('replay-video').evaluate((video) => video.currentTime);

test('a_recorded_meeting_tells_everybody_and_is_watched_afterwards', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting('Hội nghị được ghi');
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const phone = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', PHONE);
  await chair.page.getByTestId('docs-button').click();
  await chair.page.getByTestId('doc-upload').setInputFiles(paper('Báo cáo.pdf', ['Mo dau', 'Ngan sach nam 2026', 'Ket luan']));
  const document = chair.page.getByTestId('doc-row').filter({ hasText: 'Báo cáo.pdf' });
  await until(async () => (await document.getAttribute('data-state')) === 'ready', 'the paper to be ready', 60000);

  await chair.page.getByTestId('agenda-button').click();
  await chair.page.getByTestId('agenda-paste').fill('Khai mạc\nBáo cáo ngân sách');
  await chair.page.getByTestId('agenda-paste-yes').click();
  await chair.page.getByTestId('agenda-save').click();
  await chair.page.getByTestId('agenda-next').click();
  await phone.page.getByTestId('agenda-now').filter({ hasText: 'Khai mạc' }).waitFor();

  await openStudio(chair);
  await chair.page.getByTestId('record-start').click();
  for (const person of [chair, phone]) await person.page.getByTestId('recording-sign').waitFor();
  assert.equal(await chair.page.getByTestId('recording-notice').count(), 0, 'who began it is not asked');
  const notice = phone.page.getByTestId('recording-notice');
  await notice.getByTestId('understood').click();
  await notice.waitFor({ state: 'detached' });
  await phone.page.reload();
  await phone.page.getByTestId('recording-sign').waitFor();
  assert.equal(await notice.count(), 0, 'a reload does not ask again');

  const late = await Person.open(browser, meeting.links.delegate);
  await late.page.getByTestId('join-recording').waitFor();
  await late.page.getByTestId('join-name').fill('Đại biểu đến muộn');
  await late.page.getByTestId('join-button').click();
  await late.page.getByTestId('recording-notice').waitFor();

  await until(async () => (await lengthOf(chair)) >= 2, 'the recording to run', 60000);
  await chair.page.getByTestId('docs-button').click();
  await document.getByTestId('doc-present').click();
  await chair.page.getByTestId('slide-image').waitFor();
  await openStudio(chair);
  const second = (await lengthOf(chair)) + 3;
  await until(async () => (await lengthOf(chair)) >= second, 'page 1 to be recorded for a while', 30000);
  await chair.page.getByTestId('agenda-button').click();
  await chair.page.getByTestId('agenda-next').click();
  await phone.page.getByTestId('agenda-now').filter({ hasText: 'Báo cáo ngân sách' }).waitFor();
  await openStudio(chair);
  await chair.page.getByTestId('page-next').click();
  await until(async () => (await lengthOf(chair)) >= second + 4, 'page 2 to be recorded for a while', 30000);
  await stopRecording(chair);
  await phone.page.getByTestId('recording-sign').waitFor({ state: 'detached' });

  const row = await readyRow(chair);
  const [download] = await Promise.all([chair.page.waitForEvent('download'), row.getByTestId('download').click()]);
  assert.match(download.suggestedFilename(), /^Hội nghị được ghi .*\.mp4$/);
  const seconds = Number(execFileSync('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', await download.path()], { encoding: 'utf8' }));
  figure('length of the video', `${seconds.toFixed(1)} s, ${statSync(await download.path()).size} bytes`);

  const { page, errors } = await openReplay(chair, row);
  const chapters = (await page.getByTestId('chapter').allInnerTexts()).map((text) => text.split('\n').pop());
  assert.deepEqual(chapters, ['1. Khai mạc', 'Trang 1', '2. Báo cáo ngân sách', 'Trang 2']);
  assert.match(await page.getByTestId('chapter').first().innerText(), /^0:00/, 'it ran when the recording began');
  await page.getByTestId('chapter').nth(3).click();
  await until(async () => (await shownPage(page)) === 2, 'page 2 at its chapter');
  await page.getByTestId('replay-search').fill('mo dau');
  await page.getByTestId('replay-hit').first().click();
  await until(async () => (await shownPage(page)) === 1, 'page 1 at its hit');
  const from = await playTime(page);
  await page.getByTestId('replay-toggle').click();
  await until(async () => (await playTime(page)) > from + 0.5, 'the video to play', 30000);
  await until(async () => (await shownPage(page)) === 2, 'the page to be turned in step', 60000);
  await page.getByTestId('replay-seek').press('Home');
  await until(async () => (await playTime(page)) < from, 'the beginning');
  assert.equal(await shownPage(page), 0);
  assert.deepEqual([errors, chair.errors, chair.outside], [[], [], []]);

  await page.setViewportSize(PHONE.viewport);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${overflow} px wider than a phone`);
  await page.close();

  await row.getByRole('button', { name: /^Xóa bản ghi/ }).click();
  await chair.page.getByTestId('confirm-yes').click();
  await row.waitFor({ state: 'detached' });
  for (const person of [chair, phone, late]) await person.close();
});

test('tracks_become_one_video_when_the_host_asks', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting('Họp ghi riêng từng người');
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình', PHONE);
  const guest = await Person.join(browser, meeting.links.delegate, 'Điểm cầu xã An Bình');
  await openStudio(chair);
  await chair.page.getByTestId('record-tracks').check();
  await chair.page.getByTestId('record-start').click();
  await guest.page.getByTestId('recording-sign').waitFor();
  await until(async () => (await lengthOf(chair)) >= 4, 'the recording to run', 60000);
  await stopRecording(chair);
  const row = await readyRow(chair);
  assert.equal(await row.getByTestId('download').count(), 0);

  const { page, errors } = await openReplay(chair, row);
  await until(async () => (await page.getByTestId('replay-track').count()) >= 4, 'a microphone and a camera of each');
  assert.equal(await page.getByTestId('replay-video').count(), 0);
  await page.getByTestId('compose').click();
  await page.getByTestId('replay-video').waitFor({ timeout: 120000 });
  await page.getByTestId('replay-toggle').click();
  await until(async () => (await playTime(page)) > 0.5, 'the composed video to play', 30000);
  assert.deepEqual(errors, []);
  await row.getByTestId('download').waitFor({ timeout: 30000 });
  for (const person of [chair, guest]) await person.close();
});

test('a_recorder_that_dies_goes_on_in_a_new_part_and_the_host_is_told', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting('Họp có sự cố');
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  await openStudio(chair);
  await chair.page.getByTestId('record-start').click();
  await until(async () => (await lengthOf(chair)) >= 4, 'the recording to run', 60000);
  await chair.page.getByTestId('studio-button').click();
  const [job] = await until(() => server.jobs('program'), 'its job');
  process.kill(job, 'SIGKILL');
  await chair.page.getByTestId('notice').filter({ hasText: 'Ghi hình: bị lỗi và đã tự chạy lại' }).waitFor();
  await openStudio(chair);
  const now = chair.page.getByTestId('recording-now');
  await until(async () => (await now.innerText()).includes('tự chạy lại'), 'the host to be told', 30000);
  const second = (await lengthOf(chair)) + 4;
  await until(async () => (await lengthOf(chair)) >= second, 'the new part to run', 60000);
  await stopRecording(chair);
  const row = await readyRow(chair);
  assert.match(await row.innerText(), /2 phần/);

  const { page, errors } = await openReplay(chair, row);
  const film = () => page.getByTestId('replay-video').evaluate((video) => /p\d+\.mp4/.exec(video.currentSrc)?.[0]);
  await page.getByTestId('replay-toggle').click();
  await until(async () => (await playTime(page)) > 0.2, 'the first part to play', 30000);
  const first = await film();
  await until(async () => (await film()) !== first && (await playTime(page)) > 0.2, 'the second part to follow by itself', 60000);
  assert.deepEqual([errors, chair.errors], [[], []]);
  await chair.close();
});

test('only_hosts_have_the_panel_and_see_recordings', async () => {
  const meeting = server.createMeeting();
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  assert.equal(await delegate.page.getByTestId('studio-button').count(), 0);
  for (const [method, path] of [['GET', 'recordings'], ['POST', 'recordings']]) {
    const response = await fetch(`${server.base}/api/v1/meetings/${meeting.id}/${path}`, {
      method, headers: { authorization: `Bearer ${server.token(meeting.id, 'delegate')}`, 'content-type': 'application/json' },
      ...(method === 'POST' ? { body: '{"mode":"tracks"}' } : {}),
    });
    assert.equal(response.status, 403, `${method} ${path}`);
  }
  await delegate.close();
});
