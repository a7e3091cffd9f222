// SPDX-License-Identifier: Apache-2.0
// Three people in three browsers see and hear each other through the server.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, udpRelay, until } from './harness.mjs';

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

test('three_people_see_and_hear_each_other', async () => {
  const meeting = server.createMeeting();
  const people = {};
  for (const [name, role] of [['Chủ tọa Bình', 'chair'], ['Đại biểu Hoa', 'delegate'], ['Đại biểu Sơn', 'delegate']])
    people[name] = await Person.join(browser, meeting.links[role], name);
  for (const [name, person] of Object.entries(people)) {
    for (const other of Object.keys(people)) if (other !== name) await person.seesMovingVideo(other);
    await person.hears();
    const before = await person.framesDecoded();
    await until(async () => (await person.framesDecoded()) > before + 10, 'more frames');
    assert.deepEqual(person.outside, [], 'no request leaves for another host');
  }
  for (const person of Object.values(people)) {
    const stats = await person.stats();
    const transports = stats.filter((s) => s.type === 'transport');
    assert.equal(transports.length, 1, 'everything is bundled');
    assert.match(transports[0].srtpCipher, /AEAD_AES_128_GCM/);
    const pair = stats.find((s) => s.id === transports[0].selectedCandidatePairId);
    assert.equal(pair.state, 'succeeded');
    assert.equal(stats.find((s) => s.id === pair.remoteCandidateId).port, server.mediaPort);
    assert.deepEqual([...new Set(stats.filter((s) => s.type === 'remote-candidate').map((s) => s.port))], [server.mediaPort]);
  }
  for (const person of Object.values(people)) await person.close();
});

test('join_to_first_remote_frame', async () => {
  const meeting = server.createMeeting();
  const first = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  await until(async () => (await first.stats()).some((s) => s.type === 'transport' && s.dtlsState === 'connected'), 'DTLS');
  const second = await Person.open(browser, meeting.links.delegate);
  await second.page.getByTestId('join-name').fill('Đại biểu Hoa');
  await second.page.evaluate(() => {
    window.testFirstFrame = new Promise((resolve) => {
      const look = () => {
        for (const video of document.querySelectorAll('[data-testid=tile] video'))
          if (video.srcObject && video.videoWidth > 2 && !video.closest('[data-self=true]')) return resolve(performance.now() - window.testClicked);
        requestAnimationFrame(look);
      };
      document.querySelector('[data-testid=join-button]').addEventListener('click', () => {
        window.testClicked = performance.now();
        look();
      }, { capture: true });
    });
  });
  await second.page.getByTestId('join-button').click();
  figure('join to first remote frame', `${Math.round(await second.page.evaluate(() => window.testFirstFrame))} ms`);
  await first.close();
  await second.close();
});

test('enlarged_tile_gets_the_higher_simulcast_layer_which_nobody_encoded_before', async () => {
  const meeting = server.createMeeting();
  const sender = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình', { camera: { width: 640, height: 360, fps: 15 } });
  const receiver = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', { viewport: { width: 360, height: 740 } });
  await receiver.seesMovingVideo('Chủ tọa Bình');
  const height = async () => Math.max(0, ...(await receiver.inbound('video')).map((s) => s.frameHeight ?? 0));
  const small = await until(height, 'a height');
  const layers = async () => (await sender.stats()).filter((s) => s.type === 'outbound-rtp' && s.kind === 'video' && s.frameHeight)
    .map((s) => `${s.rid}:${s.frameWidth}x${s.frameHeight}@${s.framesPerSecond ?? 0} ${s.qualityLimitationReason}`);
  await until(async () => (await layers()).length >= 2, 'two simulcast layers', 30000);
  figure('sender layers', (await layers()).join(', '));
  await receiver.page.getByTestId('layout-grid').click().catch(() => {});
  await receiver.page.setViewportSize({ width: 220, height: 360 });
  await until(async () => (await height()) <= 180, 'the low layer', 15000);
  const low = await height();
  const encodes = async () => (await sender.stats()).filter((s) => s.type === 'outbound-rtp' && s.kind === 'video' && s.active).map((s) => s.rid);
  await until(async () => (await encodes()).join() === 'q', 'nobody encodes the layer that nobody watches', 20000);
  const freezes = async () => (await receiver.inbound('video')).reduce((sum, s) => sum + (s.totalFreezesDuration ?? 0), 0);
  const frozen = await freezes();
  const from = Date.now();
  await receiver.page.setViewportSize({ width: 1600, height: 1000 });
  await until(async () => (await height()) >= 360, 'the high layer', 15000);
  figure('small tile / at first / enlarged', `${low} / ${small} / ${await height()} lines`);
  figure('switch to the high layer, which had been stopped', `${Date.now() - from} ms`);
  figure('frozen during the switch', `${Math.round(((await freezes()) - frozen) * 1000)} ms`);
  await sender.close();
  await receiver.close();
});

test('a_small_window_has_as_many_pictures_as_its_screen_once_it_is_large', async () => {
  const meeting = server.createMeeting();
  const person = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', {
    viewport: { width: 600, height: 800 }, screen: { width: 1920, height: 1080 }, permissions: [] });
  const pictures = () => person.page.evaluate(() => window.testPeerConnections.at(-1)?.getTransceivers()
    .filter(({ direction, receiver }) => direction === 'recvonly' && receiver.track.kind === 'video').length);
  await until(async () => (await pictures()) > 0, 'the offer');
  assert.equal(await pictures(), 25);
  await person.close();
});

test('media_follows_a_changed_client_port', async () => {
  const meeting = server.createMeeting();
  const relay = await udpRelay(server.mediaPort);
  const still = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình');
  const moving = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', { relayFrom: server.mediaPort, relayTo: relay.port });
  await moving.seesMovingVideo('Chủ tọa Bình');
  await still.seesMovingVideo('Đại biểu Hoa');
  const connections = await moving.page.evaluate(() => window.testPeerConnections.length);
  const from = Date.now();
  relay.changePort();
  const frames = await moving.framesDecoded();
  await until(async () => (await moving.framesDecoded()) > frames + 20, 'video through the new port', 20000);
  figure('video again after a port change', `${Date.now() - from} ms`);
  assert.equal(await moving.page.evaluate(() => window.testPeerConnections.length), connections, 'the same PeerConnection goes on');
  await still.seesMovingVideo('Đại biểu Hoa');
  await still.close();
  await moving.close();
  relay.close();
});

// Replaces the camera and microphone by a white flash and a beep that start together once a second.
function flashAndBeep() {
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
    tone.frequency.value = 1000;
    tone.connect(gain);
    const out = audio.createMediaStreamDestination();
    gain.connect(out);
    tone.start();
    let lit = 0;
    const draw = () => {
      const second = Math.floor(performance.now() / 1000);
      if (second !== lit) {
        lit = second;
        gain.gain.setValueAtTime(0.8, audio.currentTime);
        gain.gain.setValueAtTime(0, audio.currentTime + 0.2);
      }
      paint.fillStyle = performance.now() - lit * 1000 < 200 ? '#fff' : '#000';
      paint.fillRect(0, 0, 640, 360);
      paint.fillStyle = '#888';
      paint.fillRect(0, 0, 8 + (performance.now() / 20) % 40, 8);
    };
    setInterval(draw, 15);
    const stream = canvas.captureStream(30);
    stream.addTrack(out.stream.getAudioTracks()[0]);
    return stream;
  };
}

test('sound_and_picture_arrive_together', async () => {
  const meeting = server.createMeeting();
  const sender = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình', { script: flashAndBeep });
  const receiver = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  await receiver.seesMovingVideo('Chủ tọa Bình');
  await receiver.hears();
  const gaps = await receiver.page.evaluate(async () => {
    const pc = window.testPeerConnections.at(-1);
    const context = new AudioContext();
    await context.resume();
    const analyser = context.createAnalyser();
    analyser.fftSize = 256;
    for (const r of pc.getReceivers()) if (r.track.kind === 'audio') context.createMediaStreamSource(new MediaStream([r.track])).connect(analyser);
    const video = [...document.querySelectorAll('[data-testid=tile] video')].find((v) => v.srcObject && v.videoWidth > 2 && !v.closest('[data-self=true]'));
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 8;
    const paint = canvas.getContext('2d', { willReadFrequently: true });
    const samples = new Float32Array(256);
    const flashes = [], beeps = [];
    let bright = false, loud = false, quietSince = 0;
    const onFrame = (now, frame) => {
      paint.drawImage(video, 0, 0, 8, 8);
      const light = paint.getImageData(4, 4, 1, 1).data[0] > 128;
      if (light && !bright) flashes.push(frame.expectedDisplayTime);
      bright = light;
      video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    const end = performance.now() + 15000;
    while (performance.now() < end) {
      analyser.getFloatTimeDomainData(samples);
      const now = performance.now();
      const level = Math.max(...samples.map(Math.abs));
      if (level > 0.1) {
        if (!loud && now - quietSince > 300) beeps.push(now);
        loud = true;
        quietSince = now;
      } else if (now - quietSince > 100) loud = false;
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    return flashes.slice(-8).map((flash) => beeps.map((beep) => beep - flash).sort((a, b) => Math.abs(a) - Math.abs(b))[0]);
  });
  const sorted = gaps.filter((g) => g !== undefined).sort((a, b) => a - b);
  assert.ok(sorted.length >= 5, 'flashes and beeps were seen and heard');
  figure('sound after picture', `median ${Math.round(sorted[sorted.length >> 1])} ms, ${sorted.map(Math.round).join(' ')}`);
  await sender.close();
  await receiver.close();
});
