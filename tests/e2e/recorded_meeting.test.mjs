// SPDX-License-Identifier: Apache-2.0
// A meeting of three is recorded, and what was seen and said is found again at its second.
// DINH_E2E_MINUTES=5 makes the meeting that long.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, root, Server, temporaryFolder, until } from './harness.mjs';
import { findTone, grayPicture, mediaInfo, pictureDistance, soundOf } from './recorded.mjs';

const MINUTES = Number(process.env.DINH_E2E_MINUTES ?? 1);
const PAGES = 20;
const TONES = { chair: 620, hoa: 930, binh: 1310, film: 1870 };

let server, browser, papers;
before(async () => {
  papers = temporaryFolder('dinh-papers-');
  execFileSync(path.join(root, 'tests/data/make_docs'), [papers], { stdio: 'ignore' });
  makeFilm(path.join(papers, 'phim.mp4'));
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

/** Eight seconds of something that moves, and one tone. */
function makeFilm(file) {
  execFileSync('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=8', '-f', 'lavfi', '-i',
    `sine=frequency=${TONES.film}:sample_rate=48000:duration=8`, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-shortest', file]);
}

// In the page: a camera of one colour with a moving bar, and a voice that is silent until testSay(hertz, ms).
function colouredVoice(colour) {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 360;
    const paint = canvas.getContext('2d');
    const audio = new AudioContext();
    await audio.resume();
    const gain = audio.createGain();
    gain.gain.value = 0;
    const tone = audio.createOscillator();
    tone.connect(gain);
    const out = audio.createMediaStreamDestination();
    gain.connect(out);
    tone.start();
    window.testSay = (hertz, ms) => {
      tone.frequency.value = hertz;
      gain.gain.setValueAtTime(0.5, audio.currentTime);
      gain.gain.setValueAtTime(0, audio.currentTime + ms / 1000);
      return Date.now();
    };
    setInterval(() => {
      paint.fillStyle = colour;
      paint.fillRect(0, 0, 640, 360);
      paint.fillStyle = '#fff';
      paint.fillRect((performance.now() / 10) % 600, 300, 40, 40);
    }, 66);
    const stream = canvas.captureStream(15);
    stream.addTrack(out.stream.getAudioTracks()[0]);
    return stream;
  };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const join = (link, name, colour) => Person.join(browser, link, name, { script: colouredVoice, scriptArgument: colour });
const say = (person, hertz) => person.page.evaluate((tone) => window.testSay(tone, 1000), hertz);

test('what_was_seen_and_said_is_found_again_at_its_second', { timeout: 240000 + MINUTES * 120000 }, async () => {
  const meeting = server.createMeeting('Hội nghị tổng kết năm 2026');
  const authorization = `Bearer ${server.token(meeting.id, 'chair')}`;
  const api = async (target, options = {}) => {
    const response = await fetch(`${server.base}/api/v1/${target}`, { ...options, headers: { authorization, ...(options.body ? { 'content-type': 'application/json' } : {}) } });
    assert.ok(response.ok, `${target}: ${response.status} ${response.ok ? '' : await response.text()}`);
    return response;
  };
  const acts = { tones: [], pages: [] };
  const speak = async (person, name) => acts.tones.push({ name, hertz: TONES[name], at: await say(person, TONES[name]) });

  const chair = await join(meeting.links.chair, 'Nguyễn Thị Bưởi', '#305080');
  const hoa = await join(meeting.links.delegate, 'Đỗ Văn Hoà', '#308050');
  let binh = await join(meeting.links.delegate, 'Trần Quốc Bình', '#806030');
  await chair.page.getByTestId('docs-button').click();
  for (const name of ['slides-20.pptx', 'phim.mp4']) await chair.page.getByTestId('doc-upload').setInputFiles(path.join(papers, name));
  const row = (name) => chair.page.getByTestId('doc-row').filter({ hasText: name });
  for (const name of ['slides-20.pptx', 'phim.mp4'])
    await until(async () => (await row(name).getAttribute('data-state')) === 'ready', `${name} to be ready`, 120000);

  const recording = await (await api(`meetings/${meeting.id}/recordings`, { method: 'POST', body: JSON.stringify({ mode: 'both' }) })).json();
  await hoa.page.getByTestId('recording-sign').waitFor();
  const detail = async () => (await api(`recordings/${recording.id}`)).json();
  await until(async () => (await detail()).state === 'on', 'the recording to be on');
  await pause(2000);
  const began = Date.now();
  const lasts = (part) => pause(Math.max(0, began + part * MINUTES * 60000 - Date.now()));

  await speak(hoa, 'hoa');
  await lasts(0.05);
  await speak(chair, 'chair');
  await row('slides-20.pptx').getByTestId('doc-present').click();
  for (let page = 1; page <= 4; page++) {
    await until(async () => (await hoa.page.getByTestId('slide-image').first().getAttribute('data-page').catch(() => '')) === String(page), `page ${page}`);
    acts.pages.push({ page, at: Date.now() });
    await speak(page % 2 ? binh : hoa, page % 2 ? 'binh' : 'hoa');
    await lasts(0.1 + page * 0.09);
    if (page < 4) await chair.page.getByTestId('page-next').click();
  }
  await hoa.page.getByTestId('mic-button').click();
  await say(hoa, 2500); // nobody may hear this
  await lasts(0.5);
  await hoa.page.getByTestId('mic-button').click();
  await pause(500);
  await speak(hoa, 'hoa');
  await binh.page.getByTestId('leave-button').click();
  await binh.close();
  await lasts(0.58);
  binh = await join(meeting.links.delegate, 'Trần Quốc Bình', '#806030');
  await pause(1500);
  await speak(binh, 'binh');
  await lasts(0.68);
  acts.film = Date.now();
  await api(`meetings/${meeting.id}/film`, { method: 'POST', body: JSON.stringify({ document: await row('phim.mp4').getAttribute('data-document') }) });
  await hoa.page.getByTestId('film').first().waitFor();
  await until(async () => (await hoa.page.getByTestId('film').getAttribute('data-state')) === 'ended', 'the film to end', 40000);
  await api(`meetings/${meeting.id}/film`, { method: 'DELETE' });
  await lasts(0.95);
  await speak(chair, 'chair');
  await pause(2500);
  await api(`recordings/${recording.id}/stop`, { method: 'POST' });
  await until(async () => (await detail()).state === 'ready', 'the recording to be ready', 120000, 500);

  const done = await detail();
  const folder = temporaryFolder('dinh-recorded-');
  const names = [...new Set([...done.files.map((f) => f.name), ...done.parts.map((p) => p.video).filter(Boolean)])];
  for (const name of names) {
    writeFileSync(path.join(folder, name), Buffer.from(await (await api(`recordings/${recording.id}/files/${name}`)).arrayBuffer()));
    mediaInfo(path.join(folder, name));
  }
  figure('files of the recording', names.length);
  assert.equal(done.parts.length, 1, 'one part: nothing broke');
  const [part] = done.parts;
  const video = path.join(folder, part.video);
  const info = mediaInfo(video);
  figure('composed video', `${info.video} ${info.width}x${info.height}, ${info.audio}, ${info.seconds.toFixed(1)} s, ${(info.bytes * 8 / info.seconds / 1000).toFixed(0)} kbit/s`);
  assert.deepEqual([info.video, info.audio, info.width, info.height], ['h264', 'aac', 1280, 720]);

  const sound = soundOf(video);
  for (const tone of acts.tones) {
    const expected = (tone.at - part.start) / 1000;
    const heard = findTone(sound, tone.hertz, expected - 3, expected + 4);
    figure(`tone of ${tone.name} at ${expected.toFixed(1)} s`, heard ? `${((heard.from - expected) * 1000).toFixed(0)} ms later, for ${((heard.to - heard.from) * 1000).toFixed(0)} ms` : 'not there');
    assert.ok(heard && Math.abs(heard.from - expected) < 1, `the tone of ${tone.name} is at its second`);
  }
  assert.ok(!findTone(sound, 2500, 0, info.seconds), 'what was said with the microphone off is not there');
  const film = findTone(sound, TONES.film, (acts.film - part.start) / 1000 - 1, info.seconds);
  assert.ok(film && film.to - film.from > 6, 'the sound of the film is there');
  figure('sound of the film', `${(film.to - film.from).toFixed(1)} of 8 s`);

  const document = await row('slides-20.pptx').getAttribute('data-document');
  const pages = [];
  for (let page = 1; page <= PAGES; page++) {
    const file = path.join(folder, `page-${page}.webp`);
    writeFileSync(file, Buffer.from(await (await api(`documents/${document}/pages/${page}/screen`)).arrayBuffer()));
    pages.push(grayPicture(file));
  }
  for (const { page, at } of acts.pages) {
    const shown = grayPicture(video, (at - part.start) / 1000 + 2);
    const distances = pages.map((p) => pictureDistance(p, shown));
    const nearest = distances.indexOf(Math.min(...distances)) + 1;
    figure(`page ${page}`, `nearest ${nearest}, differs by ${Math.min(...distances).toFixed(1)} of 255`);
    assert.equal(nearest, page, `page ${page} is seen two seconds after it was turned to`);
  }
  await watchTheReplay(chair, part, acts.pages);
  for (const person of [chair, hoa, binh]) await person.close();
});

/** The replay page shows each page at its moment, and plays. */
async function watchTheReplay(chair, part, pages) {
  await chair.page.getByTestId('studio-button').click();
  const [page] = await Promise.all([chair.context.waitForEvent('page'), chair.page.getByTestId('recording-row').getByTestId('replay-link').click()]);
  const sheet = page.getByTestId('replay-page');
  await sheet.waitFor();
  for (const { page: number, at } of pages) {
    await page.getByTestId('replay-seek').evaluate((slider, ms) => {
      slider.value = String(ms);
      slider.dispatchEvent(new Event('input', { bubbles: true }));
      slider.dispatchEvent(new Event('change', { bubbles: true }));
    }, at - part.start + 1000);
    await until(async () => (await sheet.getAttribute('data-page')) === String(number), `page ${number} beside the video`);
  }
  await page.getByTestId('replay-toggle').click();
  const time = () => page.getByTestId('replay-video').evaluate((video) => video.currentTime);
  const from = await until(time, 'the video to play');
  await until(async () => (await time()) > from + 1, 'the video to go on');
  await page.close();
}
