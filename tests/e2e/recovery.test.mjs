// SPDX-License-Identifier: Apache-2.0
// What happens on a bad day: the server dies, the laptop closes, the page is reloaded.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, root, Server, tcpRelay, temporaryFolder, until } from './harness.mjs';

let browser;
before(async () => {
  browser = await launch();
});
after(async () => {
  await browser?.close();
  cleanUp();
});

async function say(person, text) {
  if (!(await person.page.getByTestId('chat-input').isVisible())) await person.page.getByTestId('chat-button').click();
  await person.page.getByTestId('chat-input').fill(text);
  await person.page.getByTestId('chat-send').click();
  await person.page.getByTestId('chat-line').filter({ hasText: text }).waitFor();
}

/** Of the server's certificate; connected means that the one which came was it. (Chromium's stats keep the certificates of
 * the first time that anybody asked, the client included: without the server's, if that was before it came.) */
const fingerprint = (person) => person.page.evaluate(() => /^a=fingerprint:(.*)$/m.exec(window.testPeerConnections.at(-1).currentRemoteDescription.sdp)[1].trim());

/** The browser takes a connection for connected until some seconds after the server's end: one that is made from now on is
 * meant. */
async function nextConnection(person) {
  const before = await person.page.evaluate(() => window.testPeerConnections.length);
  return () => until(() => person.page.evaluate((n) => window.testPeerConnections.slice(n).some((pc) => pc.connectionState === 'connected'), before),
    'a new PeerConnection', 30000);
}

test('meeting_is_back_by_itself_after_kill_9', { timeout: 180000 }, async () => {
  const server = await Server.start();
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await delegate.seesMovingVideo('Chủ tọa Bình');
  await say(chair, 'Xin chào các đồng chí, hội nghị bắt đầu.');
  const body = Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj 3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj trailer<</Root 1 0 R>>');
  const made = await fetch(`${server.base}/api/v1/meetings/${meeting.id}/documents?name=to-trinh.pdf`, {
    method: 'POST', headers: { authorization: `Bearer ${server.token(meeting.id, 'chair')}` }, body });
  assert.equal(made.status, 201);
  const certificate = await fingerprint(delegate);
  const tile = () => delegate.tile('Chủ tọa Bình').first().getAttribute('data-participant');
  const seat = await tile();

  const connected = await nextConnection(delegate);
  const died = Date.now();
  await server.kill();
  await delegate.page.getByTestId('notice').first().waitFor();
  await server.spawn();
  const back = Date.now();
  await connected();
  await delegate.seesMovingVideo('Chủ tọa Bình');
  figure('video back after restart', `${Date.now() - back} ms (server away for ${back - died} ms)`);
  assert.equal(await tile(), seat, 'the same seat');
  assert.equal(await fingerprint(delegate), certificate, 'the server kept its certificate');
  const late = await Person.join(browser, meeting.links.delegate, 'Đại biểu đến muộn');
  await late.page.getByTestId('chat-button').click();
  await late.page.getByTestId('chat-line').filter({ hasText: 'hội nghị bắt đầu' }).waitFor();
  await late.page.getByTestId('docs-button').click();
  await late.page.getByTestId('doc-row').filter({ hasText: 'to-trinh.pdf' }).waitFor();
  for (const person of [chair, delegate, late]) await person.close();
  assert.equal(await server.stop(), 0, 'SIGTERM ends it with 0');
});

test('meeting_is_back_by_itself_after_a_media_worker_broke', { timeout: 180000 }, async () => {
  const server = await Server.start({ args: ['--workers', '2'] });
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await delegate.seesMovingVideo('Chủ tọa Bình');
  await say(chair, 'Xin chào các đồng chí.');
  const seat = () => delegate.tile('Chủ tọa Bình').first().getAttribute('data-participant');
  const before = await seat();

  const connected = await nextConnection(delegate);
  assert.equal(await server.breakWorker(1), 'SIGABRT', 'the other worker does not go on alone');
  await delegate.page.getByTestId('notice').first().waitFor();
  await server.spawn(); // the same ports, so nothing holds them any more
  const back = Date.now();
  await connected();
  await delegate.seesMovingVideo('Chủ tọa Bình');
  figure('video back after a worker broke', `${Date.now() - back} ms`);
  assert.equal(await seat(), before, 'the same seat');
  await delegate.page.getByTestId('chat-button').click();
  await delegate.page.getByTestId('chat-line').filter({ hasText: 'Xin chào các đồng chí.' }).waitFor();
  for (const person of [chair, delegate]) await person.close();
  assert.equal(await server.stop(), 0);
});

test('meeting_is_back_by_itself_after_a_media_worker_hung', { timeout: 180000 }, async () => {
  const folder = temporaryFolder();
  const [hang, file] = [path.join(folder, 'hang.so'), path.join(folder, 'now')];
  execFileSync('cc', ['-O2', '-shared', '-fPIC', '-o', hang, path.join(root, 'tests/e2e/hang.c'), '-ldl']);
  const server = await Server.start({ env: { LD_PRELOAD: hang, HANG_FILE: file } });
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await delegate.seesMovingVideo('Chủ tọa Bình');
  const connected = await nextConnection(delegate);
  writeFileSync(file, '');
  const hung = Date.now();
  assert.equal((await server.exited).signal, 'SIGABRT', 'there is no half a server');
  figure('end of a server whose worker hangs', `${Date.now() - hung} ms`);
  assert.match(server.log.join('\n'), /error worker: media-0 hangs in a turn, at .* \(blocked\)/);
  rmSync(file);
  await server.spawn();
  const back = Date.now();
  await connected();
  await delegate.seesMovingVideo('Chủ tọa Bình');
  figure('video back after a worker hung', `${Date.now() - back} ms`);
  for (const person of [chair, delegate]) await person.close();
  assert.equal(await server.stop(), 0);
});

test('reload_keeps_seat_and_media', { timeout: 90000 }, async () => {
  const server = await Server.start();
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const delegate = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await chair.seesMovingVideo('Đại biểu Hoa');
  const seat = await chair.tile('Đại biểu Hoa').first().getAttribute('data-participant');
  assert.equal(new URL(delegate.page.url()).hash, '', 'the token is wiped from the address bar');
  await delegate.page.reload();
  await delegate.page.getByTestId('leave-button').waitFor();
  await delegate.seesMovingVideo('Chủ tọa Bình');
  await chair.seesMovingVideo('Đại biểu Hoa');
  assert.equal(await chair.tile('Đại biểu Hoa').first().getAttribute('data-participant'), seat);
  await chair.page.getByTestId('people-button').click();
  assert.equal(await chair.page.getByTestId('person-row').count(), 2);
  await chair.close();
  await delegate.close();
  await server.stop();
});

test('silent_socket_is_replaced_and_missed_chat_arrives', { timeout: 150000 }, async () => {
  const server = await Server.start();
  const meeting = server.createMeeting();
  const relay = await tcpRelay(server.port);
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const token = server.token(meeting.id, 'delegate');
  const delegate = await Person.join(browser, `http://127.0.0.1:${relay.port}/m/${meeting.id}#t=${token}`, 'Đại biểu Hoa');
  await delegate.seesMovingVideo('Chủ tọa Bình');
  const seat = await chair.tile('Đại biểu Hoa').first().getAttribute('data-participant');
  relay.freeze();
  await say(chair, 'Câu này đến khi đường truyền đang đứt.');
  await delegate.page.getByTestId('chat-button').click();
  await delegate.page.getByTestId('chat-line').filter({ hasText: 'đường truyền đang đứt' }).waitFor({ timeout: 60000 });
  assert.equal(await chair.tile('Đại biểu Hoa').first().getAttribute('data-participant'), seat);
  await delegate.seesMovingVideo('Chủ tọa Bình');
  await chair.close();
  await delegate.close();
  relay.close();
  await server.stop();
});
