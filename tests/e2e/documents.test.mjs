// SPDX-License-Identifier: Apache-2.0
// A presenter's deck reaches everybody, page by page, and everybody can take it home.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, root, Server, temporaryFolder, until } from './harness.mjs';

const sha256 = (file) => createHash('sha256').update(readFileSync(file)).digest('hex');

let server, browser, papers;
before(async () => {
  papers = temporaryFolder('dinh-papers-');
  execFileSync(path.join(root, 'tests/data/make_docs'), [papers], { stdio: 'ignore' });
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

async function upload(person, name) {
  await person.page.getByTestId('docs-button').click();
  await person.page.getByTestId('doc-upload').setInputFiles(path.join(papers, name));
  return person.page.getByTestId('doc-row').filter({ hasText: name });
}

const pageShown = (person) => person.page.getByTestId('slide-image').first().getAttribute('data-page').then(Number, () => 0);
/** True when the slide's picture is really there, not only its element. */
const pageVisible = async (person, page) => (await pageShown(person)) === page &&
  person.page.getByTestId('slide-image').first().evaluate((image) => image.complete && image.naturalWidth > 400);

test('a_deck_is_followed_page_by_page_and_taken_home', { timeout: 240000 }, async () => {
  const meeting = server.createMeeting();
  const presenter = await Person.join(browser, meeting.links.presenter, 'Báo cáo viên');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');

  const row = await upload(presenter, 'slides-20.pptx');
  const from = Date.now();
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'the deck to be ready', 120000);
  figure('20-page PPTX, upload to ready', `${Date.now() - from} ms`);
  await row.getByTestId('doc-present').click();
  await until(() => pageVisible(delegate, 1), 'page 1 at the delegate');

  for (let page = 2; page <= 4; page++) {
    await delegate.page.evaluate((wanted) => {
      window.testTurned = new Promise((resolve) => {
        const look = () => {
          const image = document.querySelector('[data-testid=slide-image]');
          if (image?.dataset.page === String(wanted) && image.complete && image.naturalWidth > 400) resolve(Date.now());
          else requestAnimationFrame(look);
        };
        look();
      });
    }, page);
    const clicked = Date.now();
    await presenter.page.getByTestId('page-next').click();
    figure(`page ${page} seen by the delegate after`, `${(await delegate.page.evaluate(() => window.testTurned)) - clicked} ms`);
  }

  const late = await Person.join(browser, meeting.links.delegate, 'Đại biểu đến muộn', { viewport: { width: 360, height: 740 } });
  await until(() => pageVisible(late, 4), 'the current page at the latecomer');

  await delegate.page.getByTestId('page-prev').click();
  await until(() => pageVisible(delegate, 3), 'her own page');
  await presenter.page.getByTestId('page-next').click();
  await until(() => pageVisible(late, 5), 'page 5 at the follower');
  assert.equal(await pageShown(delegate), 3, 'a reader on her own page is not pulled away');
  await delegate.page.getByTestId('follow-button').click();
  await until(() => pageVisible(delegate, 5), 'back with the presenter');

  const id = await row.getAttribute('data-document');
  const pdf = await fetch(`${server.base}/api/v1/documents/${id}/pdf`, { method: 'HEAD', headers: { authorization: `Bearer ${server.token(meeting.id, 'delegate')}` } });
  await delegate.page.getByTestId('docs-button').click();
  const theirs = delegate.page.getByTestId('doc-row').filter({ hasText: 'slides-20.pptx' });
  for (const [button, check] of [['doc-download-original', (file) => assert.equal(sha256(file), sha256(path.join(papers, 'slides-20.pptx')))],
    ['doc-download-pdf', (file) => assert.equal(`"${sha256(file)}"`, pdf.headers.get('etag'), 'a blob is named by its content')]]) {
    const [download] = await Promise.all([delegate.page.waitForEvent('download'), theirs.getByTestId(button).click()]);
    check(await download.path());
    assert.match(download.suggestedFilename(), /^slides-20\.(pptx|pdf)$/);
  }
  for (const person of [presenter, delegate, late]) {
    assert.deepEqual(person.errors, []);
    await person.close();
  }
});

test('vietnamese_file_name_survives_the_round_trip', { timeout: 120000 }, async () => {
  const name = 'Báo cáo tổng kết năm 2026.pdf';
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const row = await upload(chair, name);
  await until(async () => (await row.getAttribute('data-state')) === 'ready', 'ready', 60000);
  const [download] = await Promise.all([chair.page.waitForEvent('download'), row.getByTestId('doc-download-original').click()]);
  assert.equal(download.suggestedFilename().normalize('NFC'), name);
  assert.equal(sha256(await download.path()), sha256(path.join(papers, name)));
  await chair.close();
});

test('each_bad_file_says_what_is_wrong_and_the_next_one_works', { timeout: 240000 }, async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const said = new Set();
  for (const name of ['corrupt.pptx', 'locked.pdf', 'bomb.pptx']) {
    const row = await upload(chair, name);
    await until(async () => (await row.getAttribute('data-state')) === 'failed', `${name} to be refused`, 90000);
    const text = await row.getByTestId('error-message').innerText();
    assert.ok(text.length > 10);
    said.add(text);
    await chair.page.getByTestId('docs-button').click();
  }
  assert.equal(said.size, 3, `three different messages: ${[...said].join(' | ')}`);
  figure('messages for corrupt, locked, bomb', [...said].join(' | '));
  const good = await upload(chair, 'paper.pdf');
  await until(async () => (await good.getAttribute('data-state')) === 'ready', 'the good one', 60000);
  await chair.close();
});

test('nobody_without_a_token_reads_a_paper', async () => {
  const meeting = server.createMeeting();
  const bearer = { authorization: `Bearer ${server.token(meeting.id, 'chair')}` };
  const url = `${server.base}/api/v1/meetings/${meeting.id}/documents`;
  const body = readFileSync(path.join(papers, 'paper.pdf'));
  const made = await fetch(`${url}?name=paper.pdf`, { method: 'POST', headers: bearer, body });
  assert.equal(made.status, 201);
  const { id } = await made.json();
  const other = server.createMeeting();
  const original = `${server.base}/api/v1/documents/${id}/original`;
  assert.equal((await fetch(original)).status, 401);
  const stranger = (await fetch(original, { headers: { authorization: `Bearer ${server.token(other.id, 'chair')}` } })).status;
  assert.ok(stranger === 403 || stranger === 404, `another meeting's token: ${stranger}`);
  const read = await fetch(original, { headers: { ...bearer, range: 'bytes=0-4' } });
  assert.equal(read.status, 206);
  assert.equal(await read.text(), '%PDF-');
  assert.match(read.headers.get('content-disposition'), /^attachment/);
  assert.match(read.headers.get('content-security-policy'), /sandbox/);
  assert.equal((await fetch(`${url}?name=x.pdf`, { method: 'POST', headers: { authorization: `Bearer ${server.token(meeting.id, 'delegate')}` }, body })).status, 403);
});
