// SPDX-License-Identifier: Apache-2.0
// What a delegate behind a bad line sees and hears, in a real browser behind a relay that is such a line.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, udpLink, until } from './harness.mjs';

const WIDE = { rate: 3e6, queue: 300, delay: 25, jitter: 0, loss: 0 };

let server, browser, people, link;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
afterEach(async () => {
  for (const person of people ?? []) await person.close();
  link?.close();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

// In the page: cameras that are drawn, 15 frames a second, and a voice that never stops.
function drawnCamera() {
  navigator.mediaDevices.getUserMedia = async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 640;
    canvas.height = 360;
    const draw = window.testScene(canvas.getContext('2d'));
    let step = 0;
    setInterval(() => draw(step++), 66);
    const audio = new AudioContext();
    await audio.resume();
    const tone = audio.createOscillator();
    const wobble = audio.createOscillator();
    const depth = audio.createGain();
    tone.frequency.value = 300;
    wobble.frequency.value = 5;
    depth.gain.value = 120;
    wobble.connect(depth).connect(tone.frequency);
    const out = audio.createMediaStreamDestination();
    tone.connect(out);
    tone.start();
    wobble.start();
    const stream = canvas.captureStream(15);
    stream.addTrack(out.stream.getAudioTracks()[0]);
    return stream;
  };
}

// As hard to encode as can be: it takes all the bits it may, and more for a key frame.
function turmoil(paint) {
  return (step) => {
    for (let i = 0; i < 40; i++) {
      paint.fillStyle = `hsl(${(i * 47 + step * 7) % 360} 80% ${30 + (i * 13 + step) % 50}%)`;
      paint.fillRect((i * 97 + step * (3 + i % 7)) % 640, (i * 61 + step * (2 + i % 5)) % 360, 20 + i % 40, 12 + i % 30);
    }
  };
}

// A person before a bookshelf who talks, nods and waves a hand, seen by a camera with some noise.
function talkingHead(paint) {
  const layer = (width, height, fill) => {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    fill(canvas.getContext('2d'));
    return canvas;
  };
  const room = layer(640, 360, (wall) => {
    const light = wall.createLinearGradient(0, 0, 640, 360);
    light.addColorStop(0, '#c9bfa8');
    light.addColorStop(1, '#8d836f');
    wall.fillStyle = light;
    wall.fillRect(0, 0, 640, 360);
    for (let i = 0; i < 60; i++) {
      wall.fillStyle = `hsl(${i * 23 % 360} 30% ${25 + i * 7 % 50}%)`;
      wall.fillRect(20 + i % 12 * 14, 30 + Math.floor(i / 12) * 60, 12, 40 + i % 5 * 3);
    }
  });
  const noise = layer(700, 420, (film) => {
    const grain = film.createImageData(700, 420);
    for (let i = 0; i < grain.data.length; i += 4) {
      grain.data.fill(Math.random() * 255, i, i + 3);
      grain.data[i + 3] = 14;
    }
    film.putImageData(grain, 0, 0);
  });
  const oval = (colour, x, y, width, height, turn = 0) => {
    paint.fillStyle = colour;
    paint.beginPath();
    paint.ellipse(x, y, width, height, turn, 0, 7);
    paint.fill();
  };
  return (step) => {
    const t = step / 15;
    const x = 320 + 18 * Math.sin(t * 1.3) + 5 * Math.sin(t * 4.1);
    const y = 170 + 7 * Math.sin(t * 2.2);
    paint.drawImage(room, 0, 0);
    oval('#2b3350', x, 380, 150, 130);
    oval('#1a1412', x, y - 30, 64, 70);
    oval('#d9a583', x, y + 8, 56, 70, 0.05 * Math.sin(t));
    for (const side of [-22, 22]) oval('#301010', x + side, y - 8, 8, step % 60 < 3 ? 1 : 5);
    oval('#802828', x, y + 42, 20, 3 + 9 * Math.abs(Math.sin(t * 9)));
    oval('#d9a583', x + 150 + 60 * Math.sin(t * 3), 300 + 40 * Math.cos(t * 2.6), 28, 36, t);
    paint.drawImage(noise, -Math.floor(Math.random() * 60), -Math.floor(Math.random() * 60));
  };
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Two people with cameras, and one behind a line who sees both. */
async function meet(line, scene = turmoil) {
  const script = `window.testScene = ${scene}; (${drawnCamera})();`;
  const meeting = server.createMeeting();
  const names = ['Chủ tọa Bình', 'Thư ký Lan'];
  link = await udpLink(server.mediaPort);
  await link.down(line);
  await link.up({ delay: line.delay, loss: line.loss });
  people = [];
  for (const name of names) people.push(await Person.join(browser, meeting.links[people.length ? 'delegate' : 'chair'], name, { script }));
  const far = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa', { relayFrom: server.mediaPort, relayTo: link.port });
  people.push(far);
  for (const name of names) await far.seesMovingVideo(name);
  return far;
}

const heights = async (far) => (await far.inbound('video')).map((s) => s.frameHeight ?? 0).filter((h) => h > 0);
const bothLarge = async (far) => {
  const live = (await far.inbound('video')).filter((s) => (s.framesPerSecond ?? 0) > 0).map((s) => s.frameHeight);
  return live.length >= 2 && live.every((height) => height >= 360);
};

/** What each picture paused at most at the far end, and what the same one did where the line is good: encoders rest, too. */
async function watchPauses(far) {
  const watches = await Promise.all([far, ...people.filter((p) => p !== far)].map((p) => p.watchFrames()));
  return async () => {
    const [gaps, ...others] = await Promise.all(watches.map((taken) => taken()));
    const ids = Object.keys(gaps).filter((id) => others.some((other) => id in other));
    const near = ids.map((id) => others.find((other) => id in other)[id]);
    return `${ids.map((id) => gaps[id]).join(' and ')} ms (where the line is good ${near.join(' and ')} ms)`;
  };
}

for (const [what, scene] of [['people who talk', talkingHead], ['turmoil', turmoil]]) {
  test(`line_that_narrows_keeps_moving_and_comes_back: ${what}`, async () => {
    const far = await meet(WIDE, scene);
    await until(() => bothLarge(far), 'both pictures large', 30000);
    await pause(3000);
    const gaps = await watchPauses(far);
    await link.stats();
    await pause(1000);
    figure(`3 Mbit/s, ${what}: offered`, `${Math.round((await link.stats()).down.offered_bytes * 8 / 1000)} kbit/s`);
    await link.down({ rate: 500e3 });
    const from = Date.now();
    let under = 0;
    const rates = [];
    let at = from;
    while (Date.now() - from < 8000) {
      await pause(250);
      const { down } = await link.stats();
      const now = Date.now();
      const rate = (down.offered_bytes * 8) / ((now - at) / 1000);
      at = now;
      rates.push(Math.round(rate / 1000));
      // Over half a second: a packet more or less makes no difference.
      if (rates.length > 1 && rates.at(-1) + rates.at(-2) <= 1000) under ||= now - from;
    }
    figure(`3 Mbit/s to 500 kbit/s, ${what}: offered, kbit/s every 250 ms`, rates.join(' '));
    figure(`3 Mbit/s to 500 kbit/s, ${what}: under the new limit after`, `${under} ms`);
    figure(`3 Mbit/s to 500 kbit/s, ${what}: longest pause of each picture`, await gaps());
    await link.down({ rate: 3e6 });
    const wide = Date.now();
    await until(() => bothLarge(far), 'both pictures large again', 60000, 100);
    figure(`500 kbit/s to 3 Mbit/s, ${what}: full quality again after`, `${Date.now() - wide} ms`);
  });
}

for (const [percent, what, scene] of [[5, 'people who talk', talkingHead], [5, 'turmoil', turmoil], [20, 'turmoil', turmoil]]) {
  test(`sound_and_picture_survive_${percent}_percent_loss: ${what}`, async () => {
    const far = await meet(WIDE, scene);
    await until(() => bothLarge(far), 'both pictures large', 30000);
    const gaps = await watchPauses(far);
    await link.down({ loss: percent });
    await pause(3000); // until the losses are known
    const before = await far.sound();
    const frames = await far.framesDecoded();
    await pause(15000);
    const now = await far.sound();
    figure(`${percent} % loss, ${what}: longest pause of each picture`, await gaps());
    figure(`${percent} % loss, ${what}: heights`, (await heights(far)).join(' '));
    const lost = now.lost - before.lost;
    figure(`${percent} % loss, ${what}: sound lost after repair`, `${(100 * lost / (lost + now.received - before.received)).toFixed(2)} %`);
    figure(`${percent} % loss, ${what}: sound made up by the receiver`, `${(100 * (now.concealed - before.concealed) / (now.samples - before.samples)).toFixed(2)} %`);
    assert.ok((await far.framesDecoded()) > frames, 'the picture goes on');
    assert.ok(now.received > before.received, 'the sound goes on');
  });
}

test('a_policer_is_found_by_what_it_drops', async () => {
  const far = await meet(WIDE, talkingHead);
  await until(() => bothLarge(far), 'both pictures large', 30000);
  const dropped = async (ms) => {
    await link.stats();
    await pause(ms);
    const { down } = await link.stats();
    return `${((100 * down.overflowed) / (down.overflowed + down.passed)).toFixed(1)} %`;
  };
  const gaps = await watchPauses(far);
  await link.down({ rate: 900e3, queue: 100, police: 1 });
  figure('a policer of 900 kbit/s: dropped in the first five seconds', await dropped(5000));
  const frames = await far.framesDecoded();
  figure('a policer of 900 kbit/s: dropped in the ten seconds after that', await dropped(10000));
  figure('a policer of 900 kbit/s: longest pause of each picture', await gaps());
  assert.ok((await far.framesDecoded()) > frames, 'the picture goes on');
});

test('voice_over_a_long_and_lossy_line_carries_each_frame_twice', async () => {
  const meeting = server.createMeeting();
  link = await udpLink(server.mediaPort);
  await link.up({ delay: 120, loss: 10 }); // too far for asking again
  const far = await Person.join(browser, meeting.links.chair, 'Chủ tọa Bình', { relayFrom: server.mediaPort, relayTo: link.port });
  const near = await Person.join(browser, meeting.links.delegate, 'Đại biểu Hoa');
  people = [far, near];
  await near.hears();
  const bytes = async () => {
    const out = (await far.stats()).find((s) => s.type === 'outbound-rtp' && s.kind === 'audio');
    return { bytes: out.bytesSent, packets: out.packetsSent };
  };
  const perPacket = async () => {
    const before = await bytes();
    await pause(2000);
    const now = await bytes();
    return (now.bytes - before.bytes) / (now.packets - before.packets);
  };
  const single = await perPacket();
  await until(async () => (await perPacket()) > 1.5 * single, 'packets twice as large', 30000);
  const before = await near.sound();
  await pause(10000);
  const now = await near.sound();
  figure('voice, 10 % loss and 120 ms up: lost', `${(100 * (now.lost - before.lost) / (now.lost - before.lost + now.received - before.received)).toFixed(1)} %`);
  figure('voice, 10 % loss and 120 ms up: made up by the receiver', `${(100 * (now.concealed - before.concealed) / (now.samples - before.samples)).toFixed(2)} %`);
});

test('line_of_64_kbit_carries_sound_and_says_so', async () => {
  const far = await meet(WIDE);
  await until(() => bothLarge(far), 'both pictures large', 30000);
  await link.down({ rate: 64e3 });
  const from = Date.now();
  const notice = far.page.getByTestId('line-notice');
  await notice.waitFor({ timeout: 30000 });
  figure('64 kbit/s: the notice after', `${Date.now() - from} ms`);
  const frames = await far.framesDecoded();
  const before = await far.sound();
  await pause(10000);
  const after = await far.sound();
  const lost = after.lost - before.lost;
  figure('64 kbit/s: frames in 10 s', (await far.framesDecoded()) - frames);
  figure('64 kbit/s: sound lost', `${(100 * lost / (lost + after.received - before.received)).toFixed(2)} %`);
  assert.ok(after.received - before.received > 300, 'the sound goes on');
  await link.down({ rate: 3e6 });
  const wide = Date.now();
  await notice.waitFor({ state: 'detached', timeout: 60000 });
  await until(() => bothLarge(far), 'both pictures again', 60000, 100);
  figure('64 kbit/s to 3 Mbit/s: pictures at full quality after', `${Date.now() - wide} ms`);
});
