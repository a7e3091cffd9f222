// SPDX-License-Identifier: Apache-2.0
// A person's own microphone, camera and loudspeaker: unplugged, asked for twice, stopped by the system, muted by the host;
// and what her browser sends, and no more than that.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, launch, Person, Server, until } from './harness.mjs';

let server, browser;
before(async () => {
  server = await Server.start();
  browser = await launch(['--use-fake-device-for-media-stream=device-count=2']);
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

/** In the page: devices that can be unplugged, a browser that asks for a while, a line that loses, a server that is slow to say "ok". */
function meddle() {
  const media = navigator.mediaDevices;
  const getUserMedia = media.getUserMedia.bind(media);
  const world = { tracks: [], gone: new Set(), asking: Promise.resolve(), loss: 0, holdOk: false };
  window.testWorld = world;
  world.open = (kind) => world.tracks.filter((track) => track.kind === kind && track.readyState === 'live');
  world.unplug = (kind) => {
    for (const track of world.open(kind)) {
      world.gone.add(track.getSettings().deviceId);
      track.stop();
      track.dispatchEvent(new Event('ended'));
    }
  };
  media.getUserMedia = async (constraints) => {
    await world.asking;
    for (const kind of ['audio', 'video'])
      if (world.gone.has(constraints[kind]?.deviceId?.exact)) throw new DOMException('', 'OverconstrainedError');
    const stream = await getUserMedia(constraints);
    world.tracks.push(...stream.getTracks());
    return stream;
  };
  const getStats = RTCRtpSender.prototype.getStats;
  RTCRtpSender.prototype.getStats = async function () {
    const entries = [...(await getStats.call(this)).values()];
    return new Map(entries.map((entry) => [entry.id, entry.type === 'remote-inbound-rtp' ? { ...entry, fractionLost: world.loss } : entry]));
  };
  window.WebSocket = class extends window.WebSocket {
    set onmessage(take) {
      super.onmessage = take && ((event) => !(world.holdOk && JSON.parse(event.data).type === 'ok') && take(event));
    }
  };
}

const isOn = (person, button) => async () => (await person.page.getByTestId(button).getAttribute('aria-pressed')) === 'true';
const isOff = (person, button) => async () => !(await isOn(person, button)());
const openTracks = (person, kind) => person.page.evaluate((k) => window.testWorld.open(k).length, kind);

/** What another sees of her devices. */
const seenWith = {
  audio: async (other) => (await other.tile('Hoa').locator('.mic.off').count()) === 0,
  video: async (other) => (await other.tile('Hoa').locator('video').count()) === 1,
};

test('an_unplugged_device_gives_way_to_another', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa');
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa', { script: meddle });
  const notice = person.page.locator('[role=status]').getByTestId('device-notice');
  for (const [kind, button, words] of [['audio', 'mic-button', /^Micro đã bị ngắt/], ['video', 'cam-button', /^Camera đã bị ngắt/]]) {
    await until(isOn(person, button), `${kind} on`);
    await until(() => seenWith[kind](chair), `${kind} seen by another`);
    await person.page.evaluate((k) => window.testWorld.unplug(k), kind);
    await until(isOff(person, button), `${kind} off`);
    await notice.waitFor();
    assert.match((await notice.innerText()).trim(), words);
    await until(async () => !(await seenWith[kind](chair)), `${kind} seen off by another`);
    await person.page.getByTestId(button).click();
    await until(isOn(person, button), `another ${kind}`);
    await notice.waitFor({ state: 'detached' });
    await until(() => seenWith[kind](chair), `another ${kind} seen by another`);
    assert.equal(await openTracks(person, kind), 1);
  }
  assert.deepEqual(person.errors, []);
  for (const one of [chair, person]) await one.close();
});

test('that_both_devices_are_gone_is_said_once_and_until_it_is_read', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa', { script: meddle });
  const notice = person.page.getByTestId('device-notice');
  await person.page.evaluate(() => ['audio', 'video'].forEach((kind) => window.testWorld.unplug(kind)));
  await notice.filter({ hasText: 'Micro và camera đã bị ngắt' }).waitFor();
  assert.equal(await notice.count(), 1);
  await notice.getByRole('button').click();
  await notice.waitFor({ state: 'detached' });
  for (const button of ['mic-button', 'cam-button']) assert.ok(await isOff(person, button)());
  await person.close();
});

test('no_camera_stays_open_unseen', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa', { script: meddle });
  const camera = person.page.getByTestId('cam-button');
  /** The browser asks, until the answer is given. */
  const ask = () => person.page.evaluate(() => {
    window.testWorld.asking = new Promise((resolve) => (window.testWorld.answer = resolve));
  });
  const answer = () => person.page.evaluate(() => window.testWorld.answer());
  const opened = () => person.page.evaluate(() => window.testWorld.tracks.length);
  await camera.click();
  await until(async () => (await openTracks(person, 'video')) === 0, 'camera off');

  await ask();
  const before = await opened();
  await camera.click();
  await camera.click();
  await answer();
  await until(async () => (await opened()) === before + 2, 'both answers');
  await until(isOn(person, 'cam-button'), 'camera on');
  assert.equal(await openTracks(person, 'video'), 1, 'a double click opens one');
  await camera.click();
  await until(async () => (await openTracks(person, 'video')) === 0, 'the one camera off');

  await ask();
  await camera.click();
  await person.page.getByTestId('leave-button').click();
  await person.page.getByTestId('leave-button').waitFor({ state: 'detached' });
  await answer();
  await until(async () => (await opened()) === before + 3, 'the late answer');
  await until(async () => (await openTracks(person, 'video')) + (await openTracks(person, 'audio')) === 0, 'everything off after leaving');
  await person.close();
});

test('sound_that_the_system_stopped_goes_on', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa');
  const playing = () => person.page.evaluate(() => {
    const elements = [...document.querySelectorAll('audio')];
    return elements.length > 0 && elements.every((element) => !element.paused);
  });
  await until(playing, 'the audio elements');
  await person.page.evaluate(() => {
    for (const element of document.querySelectorAll('audio')) element.pause();
  });
  await until(playing, 'the audio elements again');
  assert.deepEqual(person.errors, []);
  await person.close();
});

test('a_hosts_mute_is_heard_while_another_change_is_under_way', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const chair = await Person.join(browser, meeting.links.chair, 'Chủ tọa');
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa', { script: meddle });
  await person.page.evaluate(() => (window.testWorld.holdOk = true));
  await person.page.getByTestId('cam-button').click();
  await until(isOff(person, 'cam-button'), 'camera off');
  await chair.page.getByTestId('people-button').click();
  await chair.page.getByTestId('mute-all').click();
  await until(isOff(person, 'mic-button'), 'the microphone to be off');
  await until(() => person.page.evaluate(() => window.testWorld.open('audio').every((track) => !track.enabled)), 'silence');
  for (const one of [chair, person]) await one.close();
});

test('an_ice_restart_keeps_what_is_sent', { timeout: 60000 }, async () => {
  const meeting = server.createMeeting();
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa', { script: meddle });
  const now = () => person.page.evaluate(() => {
    const pc = window.testPeerConnections.at(-1);
    const camera = pc.getSenders().find((sender) => sender.track?.kind === 'video');
    const sdp = pc.currentRemoteDescription?.sdp ?? '';
    const first = /^m=audio \S+ \S+ (\d+)/m.exec(sdp)?.[1];
    return {
      connections: window.testPeerConnections.length,
      state: pc.signalingState,
      ufrag: /^a=ice-ufrag:(.*)$/m.exec(sdp)?.[1],
      codec: new RegExp(`^a=rtpmap:${first} (\\w+)`, 'm').exec(sdp)?.[1],
      layers: camera?.getParameters().encodings.map(({ active }) => active).join(),
    };
  });
  // Nobody else is there to watch.
  const quiet = 'false,false,false';
  await until(async () => (await now()).layers === quiet, 'no layer to be sent');

  await person.page.evaluate(() => (window.testWorld.loss = 0.1));
  await until(async () => (await now()).codec === 'red', 'the voice to be carried twice');
  await until(async () => (await now()).layers === quiet, 'no layer after the voice is carried twice');

  const before = await now();
  await person.page.evaluate(() => window.dispatchEvent(new Event('offline')));
  await until(async () => {
    const { ufrag, state } = await now();
    return ufrag !== before.ufrag && state === 'stable';
  }, 'the new ICE session');
  await until(async () => (await now()).layers === quiet, 'no layer after a restart');
  const { codec, connections } = await now();
  assert.deepEqual({ codec, connections }, { codec: 'red', connections: 1 });
  assert.deepEqual(person.errors.filter((text) => !/WebSocket/.test(text)), []);
  await person.close();
});
