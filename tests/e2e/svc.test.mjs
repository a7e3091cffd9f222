// SPDX-License-Identifier: Apache-2.0
// Chromium publishes VP9 and AV1 with layers over WHIP; the web client takes what fits the size of its picture.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, until } from './harness.mjs';
import { whipPage } from './whip_page.mjs';

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

// In the page: publishes a 640x360 camera in that codec.
async function publish(whip, { codec, encodings }) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 15 } });
  const transceiver = whip.pc.addTransceiver(stream.getVideoTracks()[0], { direction: 'sendonly', sendEncodings: encodings, streams: [stream] });
  const known = RTCRtpSender.getCapabilities('video').codecs;
  const named = (name) => known.filter((c) => c.mimeType === `video/${name}` && !/profile(-id)?=[1-9]/.test(c.sdpFmtpLine ?? ''));
  transceiver.setCodecPreferences([...named(codec), ...named('rtx'), ...named('VP8')]);
  const all = transceiver.getHeaderExtensionsToNegotiate();
  transceiver.setHeaderExtensionsToNegotiate(all.map((e) =>
    /dependency-descriptor/.test(e.uri) ? { ...e, direction: 'sendrecv' } : e));
  await whip.offer();
}

/** A publisher on a page of its own, and a delegate who watches it. */
async function meet(name, how) {
  const meeting = server.createMeeting();
  const page = await whipPage(browser, `${server.base}/healthz`);
  const whip = await page.evaluateHandle(([to, token]) => new window.Whip(to, token),
    [`${server.base}/whip/${meeting.id}?id=may-quay&name=${encodeURIComponent(name)}`, server.token(meeting.id, 'presenter')]);
  await whip.evaluate(publish, how);
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa', { permissions: [], viewport: { width: 1600, height: 1000 } });
  await person.seesMovingVideo(name);
  const picture = async () => (await person.inbound('video')).find((s) => s.framesDecoded > 0);
  return { meeting, page, whip, person, picture };
}

const SMALL = { width: 220, height: 360 };
const LARGE = { width: 1600, height: 1000 };

/** Between two sizes and back: every one is reached, and pictures flow. */
async function resizes({ person, picture, whip }, low) {
  const at = (lines) => until(async () => (await picture()).frameHeight === lines, `${lines} lines`, 20000);
  const flows = async () => {
    const before = (await picture()).framesDecoded;
    await until(async () => (await picture()).framesDecoded > before + 15, 'frames');
  };
  await at(360);
  await flows();
  for (const [size, lines] of [[SMALL, low], [LARGE, 360]]) {
    await person.page.setViewportSize(size);
    await at(lines);
    await flows();
  }
  const stats = await picture();
  figure('freezes', `${stats.freezeCount}, ${stats.totalFreezesDuration} s; ${stats.framesDecoded} frames, ${stats.framesDropped} dropped`);
  figure('encoder', await whip.evaluate(async (w) => [...(await w.pc.getStats()).values()].filter((s) => s.type === 'outbound-rtp')
    .map((s) => `${s.scalabilityMode} ${s.frameWidth}x${s.frameHeight} ${s.encoderImplementation}`).join(', ')));
}

const simulcast = (scalabilityMode) => [
  { rid: 'h', scaleResolutionDownBy: 2, scalabilityMode },
  { rid: 'f', scalabilityMode },
];

// Of 360 lines Chromium makes two spatial layers, however many are asked for.
for (const [codec, mode, encodings] of [
  ['VP9', 'L3T3_KEY', [{ scalabilityMode: 'L3T3_KEY' }]],
  ['VP9', 'L3T3', [{ scalabilityMode: 'L3T3' }]],
  ['VP9', 'L1T3 simulcast', simulcast('L1T3')],
  ['AV1', 'L3T3_KEY', [{ scalabilityMode: 'L3T3_KEY' }]],
  ['AV1', 'L1T3 simulcast', simulcast('L1T3')],
])
  test(`${codec} ${mode} is seen at every size`.replaceAll(' ', '_'), { timeout: 120000 }, async () => {
    const all = await meet(`${codec} ${mode}`, { codec, encodings });
    const codecs = (await all.person.stats()).filter((s) => s.type === 'codec').map((s) => s.mimeType);
    assert.ok(codecs.includes(`video/${codec}`), codecs.join());
    await resizes(all, 180);
    await all.page.close();
    await all.person.close();
  });
