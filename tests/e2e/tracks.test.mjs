// SPDX-License-Identifier: Apache-2.0
// What Chromium sends in each codec, recorded as tracks: every file decodes, and a pause in it is as long as it was.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Server, temporaryFolder, until } from './harness.mjs';
import { whipPage } from './whip_page.mjs';

const CODECS = ['VP8', 'H264', 'VP9', 'AV1'];
let server, browser, folder;
before(async () => {
  folder = temporaryFolder('dinh-tracks-');
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

// In the page: a microphone, and a camera in that codec.
async function publish(whip, codec) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180, frameRate: 15 } });
  const known = RTCRtpSender.getCapabilities('video').codecs;
  const named = (name) => known.filter((c) => c.mimeType === `video/${name}` && !/profile(-id)?=[1-9]|packetization-mode=0/.test(c.sdpFmtpLine ?? ''));
  whip.senders = stream.getTracks().map((track) => {
    const transceiver = whip.pc.addTransceiver(track, { direction: 'sendonly', streams: [stream] });
    if (track.kind === 'video') transceiver.setCodecPreferences([...named(codec), ...named('rtx')]);
    return [transceiver.sender, track];
  });
  await whip.offer();
}

async function join(meeting, page, codec) {
  const whip = await page.evaluateHandle(([to, token]) => new window.Whip(to, token),
    [`${server.base}/whip/${meeting.id}?id=${codec}&name=${codec}`, server.token(meeting.id, 'presenter')]);
  await whip.evaluate(publish, codec);
  await until(() => whip.evaluate((w) => w.pc.connectionState === 'connected'), `${codec} to be connected`);
  return whip;
}

async function api(meeting, method, what, body) {
  const response = await fetch(`${server.base}/api/v1/${what}`, {
    method, headers: { authorization: `Bearer ${server.token(meeting.id, 'chair')}`, 'content-type': 'application/json' }, body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${what}: ${response.status}`);
  return response;
}

const json = async (...request) => (await api(...request)).json();

/** When its packets are shown, in seconds; each of them decodes. */
function timesOf(file, codec) {
  const { stderr, status } = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', file, '-f', 'null', '-'], { encoding: 'utf8' });
  // Its null output counts in frames of a constant rate, which a browser's are not.
  assert.deepEqual([status, stderr.replace(/^\[null @ .*\n/gm, '')], [0, ''], file);
  const probe = (what) => execFileSync('ffprobe', ['-v', 'error', '-show_entries', what, '-of', 'csv=p=0', file], { encoding: 'utf8', maxBuffer: 1 << 24 });
  assert.equal(probe('stream=codec_name').trim(), codec, file);
  return probe('packet=pts_time').trim().split('\n').map(parseFloat);
}

test('each_codec_of_a_browser_is_recorded_as_it_is_sent', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting();
  const people = [];
  for (const codec of CODECS) {
    const page = await whipPage(browser, `${server.base}/healthz`);
    people.push({ codec, page, whip: await join(meeting, page, codec) });
  }
  const recording = await json(meeting, 'POST', `meetings/${meeting.id}/recordings`, { mode: 'tracks' });
  const seconds = async () => (await json(meeting, 'GET', `recordings/${recording.id}`)).seconds;
  await until(async () => (await seconds()) >= 4, 'four seconds', 60000);
  // One is muted for a while; one loses her connection and comes back.
  const [muted, lost] = people;
  await muted.whip.evaluate((w) => Promise.all(w.senders.map(([sender]) => sender.replaceTrack(null))));
  await lost.whip.evaluate((w) => w.pc.close());
  const from = await seconds();
  await until(async () => (await seconds()) >= from + 3, 'three more', 60000);
  await muted.whip.evaluate((w) => Promise.all(w.senders.map(([sender, track]) => sender.replaceTrack(track))));
  lost.whip = await join(meeting, lost.page, lost.codec);
  const end = (await seconds()) + 4;
  await until(async () => (await seconds()) >= end, 'four more', 60000);
  await api(meeting, 'POST', `recordings/${recording.id}/stop`);
  let row;
  await until(async () => (row = await json(meeting, 'GET', `recordings/${recording.id}`)).state === 'ready', 'the recording to be ready', 60000);

  assert.deepEqual([row.error || '', row.parts.length], ['', 1]);
  const times = new Map();
  for (const { name, kind, codec, name_of: owner } of row.files) {
    const file = path.join(folder, name);
    writeFileSync(file, Buffer.from(await (await api(meeting, 'GET', `recordings/${recording.id}/files/${name}`)).arrayBuffer()));
    times.set(`${owner} ${kind}`, [...(times.get(`${owner} ${kind}`) ?? []), ...timesOf(file, codec)]);
  }
  for (const codec of CODECS) {
    for (const kind of ['camera', 'mic']) {
      const shown = times.get(`${codec} ${kind}`);
      assert.ok(shown?.length > 40, `${codec} ${kind}: ${shown?.length}`);
      const gaps = shown.slice(1).map((t, i) => t - shown[i]);
      assert.ok(gaps.every((gap) => gap >= 0), `${codec} ${kind}: times rise`);
      figure(`${codec} ${kind}`, `${shown.length} packets in ${(shown.at(-1) - shown[0]).toFixed(1)} s, longest gap ${Math.max(...gaps).toFixed(2)} s`);
      if (codec === muted.codec || codec === lost.codec) assert.ok(Math.max(...gaps) > 2, `${codec} ${kind}: the pause is there`);
    }
  }
});
