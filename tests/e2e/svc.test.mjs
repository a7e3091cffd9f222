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

// In the page: a browser that decodes VP8 only.
function decodeVp8Only() {
  const native = RTCRtpReceiver.getCapabilities.bind(RTCRtpReceiver);
  RTCRtpReceiver.getCapabilities = (kind) => {
    const all = native(kind);
    return kind === 'video' ? { ...all, codecs: all.codecs.filter((c) => /vp8|rtx/i.test(c.mimeType)) } : all;
  };
}

test('who_cannot_decode_vp9_sees_it_once_the_publisher_has_offered_again', { timeout: 120000 }, async () => {
  const how = { codec: 'VP9', encodings: [{ scalabilityMode: 'L1T3' }] };
  const { meeting, page, whip, person } = await meet('Máy quay', how);
  const from = Date.now();
  const old = await Person.join(browser, meeting.links.delegate, 'Sơn', { permissions: [], script: decodeVp8Only });
  await until(() => whip.evaluate((w) => w.pc.connectionState !== 'connected'), 'the end of the first session');
  // As encoders do, it comes again.
  const again = await page.evaluateHandle((w) => new window.Whip(w.endpoint, w.token), whip);
  await until(() => again.evaluate(publish, how).then(() => true, () => false), 'a second session');
  await old.seesMovingVideo('Máy quay');
  figure('the newcomer sees the picture after', `${Date.now() - from} ms`);
  await person.seesMovingVideo('Máy quay');
  const codecs = (await old.stats()).filter((s) => s.type === 'codec' && s.mimeType.startsWith('video/')).map((s) => s.mimeType);
  assert.deepEqual([...new Set(codecs)], ['video/VP8']);
  await old.close();
  await person.close();
  await page.close();
});
