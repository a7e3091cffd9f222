// SPDX-License-Identifier: Apache-2.0
// Recordings through the whole program: real jobs, media of `dinh load`. Usage: node recording.test.mjs DINH
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { Client, errorCodes, Server } from './dinh.mjs';

const DINH = process.env.DINH ?? process.argv[2];
const server = new Server();
before(() => server.start());
after(() => server.stop());

/** Asks again until the answer is what is waited for. */
async function until(ask) {
  for (;;) {
    const found = await ask();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A meeting with a host on a WebSocket and, by `dinh load`, people who send. */
class Hall {
  static async open(on = server, title = 'Họp thử') {
    const hall = new Hall();
    hall.server = on;
    hall.meeting = on.meeting(title);
    hall.host = await on.session(hall.meeting, 'chair');
    hall.client = await hall.enter(hall.host, 'Chủ tọa');
    return hall;
  }

  async enter(session, name) {
    const client = await Client.open(this.server, session);
    await client.ask('join', { name });
    return client;
  }

  async fill(n = 1) {
    this.load = spawn(DINH, ['load', '--url', this.server.base, '--meeting', this.meeting, '--token', this.server.token(this.meeting, 'presenter'),
      '--publishers', String(n), '--subscribers', '0', '--duration', '60', '--join-seconds', '0', '--video-kbps', '300'], { stdio: 'ignore' });
    await this.client.until((m) => m.type === 'joined' && m.participant.id.startsWith('load-'));
  }

  empty() {
    this.load?.kill();
  }

  async ask(method, where, { session = this.host, body, file, headers = {} } = {}) {
    return fetch(`${this.server.base}/api/v1${where}${where.includes('?') ? '&' : '?'}s=${session.s}`, {
      method, headers: { cookie: session.cookie, origin: this.server.base, ...headers }, body: file ?? (body && JSON.stringify(body)),
    });
  }

  async record(mode) {
    const answer = await this.ask('POST', `/meetings/${this.meeting}/recordings`, { body: { mode } });
    assert.equal(answer.status, 201);
    this.id = (await answer.json()).id;
    return this.id;
  }

  async stop() {
    assert.equal((await this.ask('POST', `/recordings/${this.id}/stop`)).status, 200);
  }

  async row() {
    const { recordings } = await (await this.ask('GET', `/meetings/${this.meeting}/recordings`)).json();
    return recordings.find(({ id }) => id === this.id);
  }

  ready() {
    return until(async () => {
      const row = await this.row();
      assert.notEqual(row.state, 'failed', `${JSON.stringify(row)} ${this.server.log}`);
      return row.state === 'ready' && row;
    });
  }

  async show() {
    return (await this.ask('GET', `/recordings/${this.id}`)).json();
  }

  news(match) {
    return this.client.until((m) => m.type === 'jobs' && m.recording?.id === this.id && match(m.recording)).then((m) => m.recording);
  }

  /** Two pages, one all red, one all blue; ready to be presented. */
  async paper() {
    const answer = await this.ask('POST', `/meetings/${this.meeting}/documents?name=hai-mau.pdf`, { file: twoColours() });
    assert.equal(answer.status, 201);
    this.document = (await answer.json()).id;
    await this.client.until((m) => m.type === 'document' && m.document.id === this.document && m.document.state === 'ready');
  }

  async present(page) {
    await this.client.ask('present', { document: this.document, page });
    const { seconds } = this.client.messages.findLast((m) => m.type === 'jobs').recording;
    await this.news((r) => r.state === 'on' && r.seconds >= seconds + 2);
  }

  /** It has begun: a loaded machine takes its time. */
  hasFile(name) {
    return until(() => fs.existsSync(path.join(this.folder, name)) && fs.statSync(path.join(this.folder, name)).size > 10000);
  }

  get folder() {
    return path.join(this.server.data, 'media', this.meeting, 'rec', this.id);
  }
}

function twoColours() {
  const page = (i) => `<</Type/Page/Parent 2 0 R/MediaBox[0 0 640 360]/Contents ${i} 0 R>>`;
  const stream = (colour) => `<</Length ${colour.length + 25}>>stream\n${colour} rg 0 0 640 360 re f     \nendstream`;
  const objects = ['<</Type/Catalog/Pages 2 0 R>>', '<</Type/Pages/Count 2/Kids[3 0 R 5 0 R]>>', page(4), stream('1 0 0'), page(6), stream('0 0 1')];
  return `%PDF-1.4\n${objects.map((object, i) => `${i + 1} 0 obj${object}endobj\n`).join('')}trailer<</Size 7/Root 1 0 R>>\n%%EOF\n`;
}

/** When the middle of the picture becomes red and blue, in milliseconds. */
function coloursOf(file) {
  const pixels = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-vf', 'fps=25,crop=8:8:480:360,scale=1:1', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'], { maxBuffer: 1 << 28 });
  const is = { red: (r, g, b) => r > 150 && g < 90 && b < 90, blue: (r, g, b) => b > 150 && r < 90 && g < 90 };
  const first = (match) => {
    for (let i = 0; i + 3 <= pixels.length; i += 3) if (match(...pixels.subarray(i, i + 3))) return (i / 3) * 40;
    return NaN;
  };
  return { red: first(is.red), blue: first(is.blue) };
}

/** The pages turn in the video when the timeline says so; one line of time for all parts. */
function assertPagesInStep({ parts, timeline }, file) {
  const begins = new Map();
  let at = 0;
  for (const { part, duration_ms } of parts) {
    begins.set(part, at);
    at += duration_ms;
  }
  const told = (page) => {
    const item = timeline.find((i) => i.type === 'page' && i.page === page);
    return begins.get(item.part) + item.t_ms;
  };
  const seen = coloursOf(file);
  console.log(`figure: pages told at ${told(1)} and ${told(2)} ms, seen at ${seen.red} and ${seen.blue} ms`);
  assert.ok(Math.abs(seen.red - told(1)) < 1000 && Math.abs(seen.blue - told(2)) < 1000);
}

/** What ffprobe says; it must like the file. */
function probe(file) {
  return JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', '-count_packets', file], { encoding: 'utf8' }));
}

/** Processes below this one: the jobs run in sandboxes of several. */
function jobsOf(pid) {
  const processes = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' }).trim().split('\n').map((line) => {
    const [, id, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return { id: Number(id), parent: Number(parent), args };
  });
  const found = [];
  let parents = [pid];
  while (parents.length > 0) {
    const children = processes.filter(({ parent }) => parents.includes(parent));
    found.push(...children);
    parents = children.map(({ id }) => id);
  }
  return found;
}

/** The job itself, in its sandbox. */
const findJob = (kind) => jobsOf(server.child.pid).filter(({ args }) => args.endsWith(` job ${kind}`) && !/^(bwrap|setpriv)/.test(args)).at(-1);

test('tracks_and_program_are_recorded_finished_and_given_out', async () => {
  const hall = await Hall.open();
  const guest = await server.session(hall.meeting, 'delegate');
  await hall.paper();
  await hall.fill(2);
  await hall.record('both');
  const late = await hall.enter(guest, 'Người đến sau');
  assert.equal(late.messages.find((m) => m.type === 'welcome').recording.recording, hall.id);
  await hall.news((r) => r.state === 'on' && r.seconds >= 4 && r.bytes > 0);
  await hall.hasFile('p2.mp4');
  assert.equal((await hall.ask('POST', `/meetings/${hall.meeting}/recordings`, { body: { mode: 'tracks' } })).status, 409);
  await hall.present(1);
  await hall.present(2);
  await hall.stop();
  await late.until((m) => m.type === 'recording' && !m.on);
  const row = await hall.ready();
  assert.ok(row.has_video && row.seconds >= 3 && row.bytes > 0);
  const shown = await hall.show();
  assert.deepEqual(shown.parts.map(({ video }) => video), ['p2.mp4']);
  assert.deepEqual(shown.files.map(({ kind }) => kind).sort(), ['camera', 'camera', 'mic', 'mic', 'program']);
  for (const file of shown.files) {
    const { streams, format } = probe(path.join(hall.folder, file.name));
    assert.equal(streams.length, file.kind === 'program' ? 2 : 1);
    assert.ok(Number(format.duration) > 0, file.name);
    assert.ok(Math.abs(Number(format.duration) * 1000 - file.duration_ms) < 500, `${file.name}: ${format.duration} s, ${file.duration_ms} ms told`);
  }
  assert.ok(shown.timeline.some(({ type, name }) => type === 'speaker' && name?.startsWith('load-')));
  assertPagesInStep(shown, path.join(hall.folder, 'p2.mp4'));
  assert.deepEqual(shown.pages.map(({ name, page }) => [name, page]), [['hai-mau.pdf', 1], ['hai-mau.pdf', 2]]);
  const image = await hall.ask('GET', `/recordings/${hall.id}/pages/${shown.pages[1].file}`);
  assert.deepEqual([image.status, image.headers.get('content-type')], [200, 'image/webp']);

  const whole = await hall.ask('GET', `/recordings/${hall.id}/files/p2.mp4?download=1`);
  assert.match(decodeURIComponent(whole.headers.get('content-disposition')), /Họp thử .* phần 2\.mp4/);
  const bytes = Buffer.from(await whole.arrayBuffer());
  const range = await hall.ask('GET', `/recordings/${hall.id}/files/p2.mp4`, { headers: { range: 'bytes=100-199' } });
  assert.equal(range.status, 206);
  assert.deepEqual(Buffer.from(await range.arrayBuffer()), bytes.subarray(100, 200));
  assert.equal(range.headers.get('content-type'), 'video/mp4');
  for (const where of ['files/files.json', 'pages/x.webp', 'files/p9.mp4'])
    assert.equal((await hall.ask('GET', `/recordings/${hall.id}/${where}`)).status, 404, where);

  for (const [method, where] of [['GET', ''], ['POST', '/stop'], ['POST', '/compose'], ['DELETE', ''], ['GET', '/files/p2.mp4']])
    assert.equal((await hall.ask(method, `/recordings/${hall.id}${where}`, { session: guest })).status, 403, `${method} ${where}`);
  const other = await Hall.open();
  assert.equal((await hall.ask('GET', `/recordings/${hall.id}`, { session: other.host })).status, 404);
  assert.equal((await hall.ask('DELETE', `/recordings/${hall.id}`)).status, 204);
  assert.ok(!fs.existsSync(hall.folder));
  assert.equal(hall.client.invalid ?? late.invalid, undefined);
  hall.empty();
});

test('a_killed_job_goes_on_in_a_new_part_and_the_meeting_does_not_notice', async () => {
  const hall = await Hall.open();
  await hall.fill();
  await hall.record('tracks');
  await hall.news((r) => r.state === 'on' && r.seconds >= 2);
  const victim = await until(() => findJob('tracks'));
  const killed = Date.now();
  process.kill(victim.id, 'SIGKILL');
  await hall.news((r) => r.parts === 2 && r.state === 'on' && r.error === 'job-crashed');
  console.log(`figure: ${Date.now() - killed} ms from the kill until the host knows that it goes on`);
  await hall.news((r) => r.parts === 2 && r.seconds >= 4);
  await hall.stop();
  const row = await hall.ready();
  assert.equal(row.parts, 2);
  const shown = await hall.show();
  const [first, second] = shown.parts;
  const begins = Math.min(...shown.files.filter(({ part }) => part === 2).map(({ t_ms }) => t_ms));
  const gap = second.start + begins - (first.start + first.duration_ms);
  console.log(`figure: ${gap} ms of media are missing between the parts`);
  for (const { name } of shown.files) probe(path.join(hall.folder, name));
  assert.deepEqual([...new Set(shown.files.map(({ part }) => part))].sort(), [1, 2]);
  const events = hall.client.messages.filter((m) => 'seq' in m && m.type === 'recording');
  assert.deepEqual(events.map(({ on }) => on), [true, false]);
  assert.equal(hall.client.messages.some((m) => m.type === 'peer-gone' || m.type === 'left'), false);
  hall.empty();
});

test('a_recorder_that_stands_still_is_replaced_and_the_host_is_told', async () => {
  const hall = await Hall.open();
  await hall.fill();
  await hall.record('tracks');
  await hall.news((r) => r.state === 'on' && r.seconds >= 2);
  const victim = await until(() => findJob('tracks'));
  const stopped = Date.now();
  process.kill(victim.id, 'SIGSTOP');
  await hall.news((r) => r.parts === 2 && r.state === 'on' && r.error === 'job-stalled');
  console.log(`figure: ${Date.now() - stopped} ms from the standstill until it is recorded on`);
  assert.ok(!fs.existsSync(`/proc/${victim.id}`), 'what stood still is gone');
  await hall.stop();
  assert.equal((await hall.ready()).parts, 2);
  assert.equal(hall.client.messages.some((m) => m.type === 'peer-gone' || m.type === 'left'), false);
  hall.empty();
});

test('a_killed_program_goes_on_in_another_file_and_a_stopped_server_completes_what_it_has', async () => {
  const hall = await Hall.open();
  await hall.fill();
  await hall.record('program');
  await hall.hasFile('p1.mp4');
  process.kill((await until(() => findJob('program'))).id, 'SIGKILL');
  await hall.news((r) => r.parts === 2 && r.state === 'on');
  await hall.hasFile('p2.mp4');
  hall.empty();
  server.child.kill('SIGTERM');
  await server.exited;
  assert.equal(probe(path.join(hall.folder, 'p2.mp4')).streams.length, 2);
  await server.start();
  hall.client = await hall.enter(hall.host, 'Chủ tọa');
  await hall.news((r) => r.parts === 3 && r.state === 'on');
  await hall.stop();
  await hall.ready();
  const { parts, has_video } = await hall.show();
  assert.ok(has_video && parts.length >= 2);
  assert.deepEqual(parts.slice(0, 2).map(({ video }) => video), ['p1.mp4', 'p2.mp4']);
  for (const { video } of parts) probe(path.join(hall.folder, video));
});

test('tracks_are_composed_afterwards_part_after_part', async () => {
  const hall = await Hall.open();
  await hall.paper();
  await hall.fill();
  await hall.record('tracks');
  await hall.news((r) => r.state === 'on' && r.seconds >= 2);
  process.kill((await until(() => findJob('tracks'))).id, 'SIGKILL');
  await hall.news((r) => r.parts === 2 && r.state === 'on');
  await hall.present(1);
  await hall.present(2);
  assert.equal((await hall.ask('POST', `/recordings/${hall.id}/compose`)).status, 409);
  await hall.stop();
  assert.equal((await hall.ready()).has_video, false);
  hall.empty();
  assert.equal((await hall.ask('POST', `/recordings/${hall.id}/compose`)).status, 202);
  await server.kill(); // what was answered is done all the same
  await server.start();
  hall.client = await hall.enter(hall.host, 'Chủ tọa');
  await hall.client.until((m) => m.type === 'jobs' && m.compose.some(({ recording }) => recording === hall.id));
  await until(async () => (await hall.row()).has_video);
  const shown = await hall.show();
  const { parts, files, error } = shown;
  assert.equal(error, null);
  assert.deepEqual(parts.map(({ part, video }) => [part, video]), [[1, 'program.mp4'], [2, 'program.mp4']]);
  const { streams, format } = probe(path.join(hall.folder, 'program.mp4'));
  assert.deepEqual(streams.map(({ codec_name }) => codec_name).sort(), ['aac', 'h264']);
  const told = parts.reduce((sum, { duration_ms }) => sum + duration_ms, 0);
  console.log(`figure: ${told} ms of parts became ${Math.round(format.duration * 1000)} ms`);
  assert.ok(Math.abs(format.duration * 1000 - told) < 1000);
  assert.ok(files.some(({ name, kind }) => name === 'program.mp4' && kind === 'program'));
  assertPagesInStep(shown, path.join(hall.folder, 'program.mp4'));
  await until(() => hall.client.messages.findLast((m) => m.type === 'jobs').compose.length === 0);
});

test('after_a_killed_server_the_recording_goes_on', async () => {
  const own = new Server();
  await own.start();
  const hall = await Hall.open(own);
  await hall.fill();
  await hall.record('tracks');
  await hall.news((r) => r.state === 'on' && r.seconds >= 3);
  const killed = Date.now();
  await own.kill();
  hall.empty();
  await own.start();
  assert.equal((await hall.row()).state, 'on');
  hall.client = await hall.enter(hall.host, 'Chủ tọa');
  assert.equal(hall.client.messages.find((m) => m.type === 'welcome').recording.recording, hall.id);
  await hall.fill();
  await hall.news((r) => r.parts === 2 && r.state === 'on' && r.seconds >= 2);
  await hall.stop();
  await hall.ready();
  const { parts, files } = await hall.show();
  const lost = killed - (parts[0].start + parts[0].duration_ms);
  console.log(`figure: ${lost} ms before the kill are missing`);
  assert.ok(lost < 2000, `${lost} ms are missing`);
  for (const { name } of files) probe(path.join(hall.folder, name));
  assert.ok(files.some(({ part }) => part === 2));
  hall.empty();
  await own.stop();
});

test('a_full_disk_ends_the_recording_and_spares_the_meeting', { skip: process.getuid() !== 0 && 'mounts a small disk' }, async () => {
  const own = new Server('--recording-free-mb', '30');
  const disk = path.join(own.data, 'media');
  fs.mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk]);
  try {
    await own.start();
    const hall = await Hall.open(own);
    await hall.fill();
    await hall.record('tracks');
    await hall.news((r) => r.state === 'on' && r.seconds >= 1);
    const free = fs.statfsSync(disk);
    fs.writeFileSync(path.join(disk, 'filler'), Buffer.alloc(free.bavail * free.bsize - 10 * 1024 * 1024));
    const { by } = await hall.client.until((m) => m.type === 'recording' && !m.on);
    assert.equal(by, null);
    await hall.news((r) => r.state === 'failed' && r.error === 'disk-full');
    const answer = await hall.ask('POST', `/meetings/${hall.meeting}/recordings`, { body: { mode: 'tracks' } });
    assert.equal(answer.status, 507);
    const { code } = await answer.json();
    assert.ok(code === 'disk-full' && errorCodes.has(code));
    await hall.client.ask('chat', { text: 'Cuộc họp vẫn tiếp tục' });
    fs.rmSync(path.join(disk, 'filler'));
    const row = await hall.ready();
    assert.equal(row.error, 'disk-full');
    for (const { name } of (await hall.show()).files) probe(path.join(hall.folder, name));
    hall.empty();
    own.child.kill('SIGTERM');
    await own.exited;
  } finally {
    execFileSync('umount', ['-l', disk]);
    fs.rmSync(own.data, { recursive: true, force: true });
  }
});

test('what_has_no_row_is_swept_at_the_start', async () => {
  const own = new Server();
  const orphan = path.join(own.data, 'media/018f0000-0000-7000-8000-000000000001/rec/018f0000-0000-7000-8000-000000000002');
  const stranger = path.join(own.data, 'media/018f0000-0000-7000-8000-000000000001/notes');
  fs.mkdirSync(orphan, { recursive: true });
  fs.mkdirSync(stranger);
  fs.writeFileSync(path.join(orphan, 'p1.mp4'), 'x');
  await own.start();
  await until(() => !fs.existsSync(orphan));
  assert.ok(fs.existsSync(stranger));
  await own.stop();
});
