// SPDX-License-Identifier: Apache-2.0
// Makes the README's pictures anew from real meetings: node tests/e2e/screenshots.mjs [FOLDER, default docs [meeting | recording]]
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { cleanUp, launch, Person, root, Server, temporaryFolder, until } from './harness.mjs';

const folder = path.resolve(process.argv[2] ?? path.join(root, 'docs'));
const wanted = process.argv[3];
const TITLE = 'Hội nghị tổng kết công tác năm 2026';
const PROGRAMME = ['Ổn định tổ chức', 'Báo cáo tổng kết năm 2026', 'Phương hướng năm 2027', 'Thảo luận'];
const DESKTOP = { width: 1280, height: 800 };
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

// Runs in the page: a camera that looks into a hall, with people who sway a little.
function drawnCamera({ wall, people }) {
  const media = navigator.mediaDevices;
  const native = media.getUserMedia.bind(media);
  const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
  const context = canvas.getContext('2d');
  const body = (x, y, size, cloth) => {
    context.fillStyle = cloth;
    context.beginPath();
    context.ellipse(x, y + size * 1.5, size, size * 1.1, 0, 0, 7);
    context.fill();
    context.fillStyle = '#c99a78';
    context.beginPath();
    context.ellipse(x, y, size * 0.5, size * 0.62, 0, 0, 7);
    context.fill();
    context.fillStyle = '#2a211c';
    context.beginPath();
    context.ellipse(x, y - size * 0.22, size * 0.53, size * 0.46, 0, Math.PI, 0);
    context.fill();
  };
  const draw = () => {
    const now = performance.now() / 900;
    context.fillStyle = wall;
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = 'rgb(255 255 255 / 22%)';
    for (let window = 0; window < 3; window++) context.fillRect(60 + window * 190, 30, 120, 110);
    const size = people > 1 ? 52 : 92;
    for (let i = 0; i < people; i++) {
      const x = (640 * (i + 1)) / (people + 1);
      body(x + 5 * Math.sin(now + i * 1.7), (people > 1 ? 170 : 150) + 3 * Math.sin(now * 1.6 + i), size, ['#2f4a63', '#6b2f34', '#3c5a43', '#574a6b'][i % 4]);
    }
    context.fillStyle = '#6d4a2f';
    context.fillRect(0, 318, 640, 42);
  };
  draw();
  setInterval(draw, 66);
  media.getUserMedia = async (constraints) => {
    const stream = new MediaStream(constraints.audio ? (await native({ audio: constraints.audio })).getTracks() : []);
    if (constraints.video) stream.addTrack(canvas.captureStream(15).getVideoTracks()[0]);
    return stream;
  };
}
const camera = (wall, people = 1) => ({ script: drawnCamera, scriptArgument: { wall, people } });

const server = await Server.start();
const browser = await launch();
const papers = temporaryFolder('dinh-papers-');
const deck = path.join(papers, 'Báo cáo tổng kết năm 2026.pptx');
mkdirSync(folder, { recursive: true });

/** The deck, by this person. */
async function present(person) {
  await person.page.getByTestId('docs-button').click();
  await person.page.getByTestId('doc-upload').setInputFiles(deck);
  const row = person.page.getByTestId('doc-row');
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'the deck to be ready', 120000);
  await row.getByTestId('doc-present').click();
}

/** An agenda; returns what moves the meeting on to one of its items. */
async function plan(id) {
  const url = `${server.base}/api/v1/meetings/${id}/agenda`;
  const put = async (to, body) => {
    const answer = await fetch(to, { method: 'PUT', headers: { authorization: `Bearer ${server.token(id, 'chair')}` }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${to}: ${answer.status}`);
    return answer.json();
  };
  const { items } = await put(url, { version: 0, items: PROGRAMME.map((title) => ({ title })) });
  return (n) => put(`${url}/item`, { item: items[n].id });
}

async function meeting() {
  const { id, links } = server.createMeeting(TITLE);

  const guest = await Person.open(browser, links.delegate, { viewport: DESKTOP, ...camera('#9a8f7d', 3) });
  await guest.page.getByTestId('join-name').fill('Điểm cầu xã An Bình');
  await guest.page.locator('video').waitFor();
  await until(() => guest.page.locator('[role=meter]').getAttribute('aria-valuenow').then((level) => Number(level) > 30), 'a level');
  await guest.page.screenshot({ path: path.join(folder, 'join-vi.png') });
  await guest.close();

  const chair = await Person.join(browser, links.chair, 'Chủ tọa', { viewport: DESKTOP, ...camera('#7b4a45') });
  const secretary = await Person.join(browser, links.secretary, 'Thư ký', { viewport: DESKTOP, ...camera('#6b7a70') });
  const halls = [['Điểm cầu xã An Bình', '#9a8f7d', 3], ['Điểm cầu phường Tân Hưng', '#5d7184', 4], ['Điểm cầu xã Hòa Lạc', '#8b7f5c', 2]];
  for (const [name, wall, people] of halls)
    await Person.join(browser, links.delegate, name, { viewport: { width: 640, height: 360 }, ...camera(wall, people) });
  const phone = await Person.join(browser, links.delegate, 'Chi hội thôn Đông', { ...PHONE, ...camera('#71807b') });

  await (await plan(id))(1);
  await present(secretary);
  await secretary.page.getByTestId('page-jump').selectOption('7');
  for (const person of [chair, phone])
    await until(() => person.page.getByTestId('slide-image').first().getAttribute('data-page').then((page) => page === '7', () => false), 'page 7');
  await phone.page.getByTestId('hand-button').click();
  for (const person of [chair, phone])
    for (const name of ['Thư ký', halls[0][0]]) await person.seesMovingVideo(name);
  await chair.page.mouse.move(640, 400);
  await chair.page.screenshot({ path: path.join(folder, 'meeting-slides-desktop-vi.png') });
  await phone.page.screenshot({ path: path.join(folder, 'meeting-slides-phone-vi.png') });
}

async function recording() {
  const { id, links } = server.createMeeting(TITLE);
  const deal = await plan(id);
  const chair = await Person.join(browser, links.chair, 'Chủ tọa', { viewport: DESKTOP, ...camera('#7b4a45') });
  await chair.page.getByTestId('studio-button').click();
  await chair.page.getByTestId('get-viewer-link').click();
  const viewer = await Person.open(browser, await chair.page.getByTestId('viewer-link').inputValue(), { ...PHONE, permissions: [] });
  await chair.page.getByTestId('live-start').click();
  await chair.page.getByTestId('record-start').click();
  await chair.page.getByTestId('recording-sign').waitFor();
  await deal(1);
  await present(chair);
  for (const page of ['1', '4', '7']) {
    if (page === '7') await deal(2);
    await chair.page.getByTestId('page-jump').selectOption(page);
    await viewer.page.getByTestId('watch-page').and(viewer.page.locator(`[data-page="${page}"]`)).locator('img').waitFor({ timeout: 90000 });
  }
  await viewer.page.screenshot({ path: path.join(folder, 'watch-phone-vi.png') });
  await chair.page.getByTestId('studio-button').click();
  await chair.page.getByTestId('record-stop').click();
  await chair.page.getByTestId('confirm-yes').click();
  const row = chair.page.getByTestId('recording-row').and(chair.page.locator('[data-state="ready"]'));
  await row.waitFor({ timeout: 60000 });
  const [replay] = await Promise.all([chair.context.waitForEvent('page'), row.getByTestId('replay-link').click()]);
  await replay.getByTestId('chapter').filter({ hasText: 'Trang 4' }).click();
  await replay.getByTestId('replay-toggle').click();
  await replay.getByTestId('replay-search').fill('hoi vien');
  const playTime = () => replay.getByTestId('replay-video').evaluate((video) => video.currentTime);
  const from = await until(playTime, 'the chapter');
  await until(async () => (await playTime()) > from + 2, 'the replay to play');
  await until(() => replay.getByTestId('replay-page').locator('img').evaluate(({ complete }) => complete), 'its page');
  await replay.screenshot({ path: path.join(folder, 'replay-vi.png') });
}

try {
  execFileSync(path.join(root, 'tests/data/make_docs'), [papers], { stdio: 'ignore' });
  copyFileSync(path.join(papers, 'slides-20.pptx'), deck);
  if (wanted !== 'recording') await meeting();
  if (wanted !== 'meeting') await recording();
} finally {
  await browser.close();
  await server.stop();
  rmSync(papers, { recursive: true, force: true });
  cleanUp();
}
