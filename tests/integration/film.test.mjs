// SPDX-License-Identifier: Apache-2.0
// A film played into a meeting by the whole program, its jobs included. Usage: node film.test.mjs DINH
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Server } from './dinh.mjs';

const server = new Server();
const meeting = {};
before(async () => {
  await server.start();
  meeting.id = server.meeting('Hội nghị có phim');
  meeting.token = server.token(meeting.id, 'chair');
  meeting.chair = await Client.open(server, await server.session(meeting.id, 'chair'));
  await meeting.chair.join('Chủ tọa');
});
after(async () => {
  await meeting.chair.close();
  await server.stop();
});

async function ask(method, rest, body) {
  const answer = await fetch(`${server.base}/api/v1/meetings/${meeting.id}/${rest}`, {
    method, headers: { authorization: `Bearer ${meeting.token}` }, body: body && !(body instanceof Buffer) ? JSON.stringify(body) : body,
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}

/** Half a minute of a test picture and a tone: on a busy machine the film must not end before the test gets to it. */
function makeFilm(seconds = 30) {
  const file = path.join(server.data, 'film.mp4');
  execFileSync('ffmpeg', ['-y', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=320x180:rate=25', '-f', 'lavfi', '-i', 'sine=frequency=440', '-t', String(seconds),
    '-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac', file]);
  return fs.readFileSync(file);
}

async function upload(name, bytes) {
  const { status, body } = await ask('POST', `documents?name=${encodeURIComponent(name)}`, bytes);
  assert.equal(status, 201, JSON.stringify(body));
  const { document } = await meeting.chair.until((m) => m.type === 'document' && m.document.id === body.id && ['ready', 'failed'].includes(m.document.state));
  return document;
}

const film = (test_) => meeting.chair.until((message) => message.type === 'film' && test_(message.film));
const forget = () => { meeting.chair.messages = []; };
const rtpIn = async () => Number(/^dinh_rtp_in_total (\d+)$/m.exec(await (await fetch(`${server.metricsBase}/metrics`)).text())[1]);

test('a_film_is_played_paused_moved_and_ends', async () => {
  const document = await upload('Phóng sự.mp4', makeFilm());
  assert.equal(document.state, 'ready', JSON.stringify(document));
  assert.equal((await ask('POST', 'film', { document: document.id })).status, 201);
  await meeting.chair.until((m) => m.type === 'joined' && m.participant.id === 'film' && m.participant.name === 'Phim');
  await film((now) => now?.state === 'playing' && now.position_ms > 500);
  const before = await rtpIn();
  const { film: told } = await film((now) => now?.position_ms > 1500);
  assert.ok(Math.abs(told.duration_ms - 30000) < 500, told.duration_ms);
  assert.ok(await rtpIn() > before + 50, 'its media is in the meeting');
  assert.equal((await ask('POST', 'film', { document: document.id })).body.code, 'film-on');

  assert.equal((await ask('PATCH', 'film', { playing: false })).status, 200);
  const { film: paused } = await film((now) => now?.state === 'paused');
  forget();
  assert.equal((await ask('PATCH', 'film', { position_ms: 28000, volume: 40 })).status, 200);
  const { film: moved } = await film((now) => now?.state === 'paused' && now.position_ms >= 27900);
  assert.ok(paused.position_ms < 28000 && moved.position_ms < 28500 && moved.volume === 40);
  assert.equal((await ask('PATCH', 'film', { playing: true })).status, 200);
  await film((now) => now?.state === 'ended');
  forget();
  assert.equal((await ask('PATCH', 'film', { playing: true })).status, 200);
  await film((now) => now?.state === 'playing' && now.position_ms < 5000);
  assert.equal((await ask('DELETE', 'film')).status, 204);
  await film((now) => now === null);
  await meeting.chair.until((m) => m.type === 'left' && m.participant === 'film');
  assert.equal((await ask('PATCH', 'film', { playing: true })).status, 404);
});

const filmJobs = async () => Number(/^dinh_jobs_started_total\{kind="film"\} (\d+)$/m.exec(await (await fetch(`${server.metricsBase}/metrics`)).text())?.[1] ?? 0);

/** A player that decodes one codec: GStreamer's. It ends well when it has seen the film move and heard it, before and after an ICE restart. */
async function watch(codec) {
  const peer = fileURLToPath(new URL('webrtcbin_peer.py', import.meta.url));
  const player = spawn(peer, ['subscribe', `${server.base}/whep/${meeting.id}?publishers=film`, server.token(meeting.id, 'observer'), '30', codec]);
  let said = '';
  for (const stream of [player.stdout, player.stderr]) stream.on('data', (data) => { said += data; });
  const [code] = await once(player, 'close');
  assert.equal(code, 0, `${codec}: ${said}`);
}

/** The film that everybody sees is in one codec: who cannot decode it changes it, and it goes on where it is. */
test('who_decodes_h264_only_sees_the_film_too', async () => {
  const document = await upload('Toàn cảnh.mp4', makeFilm(90));
  const jobs = await filmJobs();
  assert.equal((await ask('POST', 'film', { document: document.id })).status, 201);
  const { film: begun } = await film((now) => now?.state === 'playing' && now.position_ms > 500);
  for (const codec of ['vp8', 'h264', 'vp8']) await watch(codec);
  forget();
  const { film: told } = await film((now) => now?.state === 'playing');
  assert.ok(told.position_ms > begun.position_ms);
  assert.equal(await filmJobs(), jobs + 1, 'it was not begun again');
  assert.equal((await ask('DELETE', 'film')).status, 204);
  await film((now) => now === null);

  forget();
  const waiting = watch('h264'); // before the film begins
  await meeting.chair.until((m) => m.type === 'joined' && m.participant.role === 'observer');
  assert.equal((await ask('POST', 'film', { document: document.id })).status, 201);
  await waiting;
  assert.equal((await ask('DELETE', 'film')).status, 204);
});

test('what_cannot_be_played_is_said_when_it_is_uploaded', async () => {
  const bytes = makeFilm().subarray(0, 3000);
  const document = await upload('Hỏng.mp4', bytes);
  assert.equal(document.state, 'failed');
  assert.equal((await ask('POST', 'film', { document: document.id })).body.code, 'doc-not-ready');
});
