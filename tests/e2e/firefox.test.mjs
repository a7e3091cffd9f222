// SPDX-License-Identifier: Apache-2.0
// The other browser that we name: Firefox, in a meeting with Chromium.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import os from 'node:os';
import { cleanUp, figure, launch, launchFirefox, Person, Server, udpLink, until } from './harness.mjs';

// Firefox takes no media from 127.0.0.1. What goes to an address of this machine does not leave it.
const ADDRESS = Object.values(os.networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address;
const options = { skip: ADDRESS ? false : 'this machine has no address but 127.0.0.1', timeout: 120000 };

let server, chromium, fox, link;
before(async () => {
  if (!ADDRESS) return;
  server = await Server.start({ args: ['--media-address', ADDRESS] });
  chromium = await launch();
  fox = await launchFirefox();
});
after(async () => {
  await fox?.close();
  await chromium?.close();
  await server?.stop();
  cleanUp();
});

async function meet(firefoxOptions) {
  const meeting = server.createMeeting();
  const binh = await Person.join(chromium, meeting.links.chair, 'Chủ tọa Bình');
  const hoa = await Person.join(fox, meeting.links.delegate, 'Đại biểu Hoa', { permissions: [], ...firefoxOptions });
  await hoa.seesMovingVideo('Chủ tọa Bình');
  return { binh, hoa };
}

test('firefox_and_chromium_see_and_hear_each_other', options, async () => {
  const { binh, hoa } = await meet({});
  await binh.seesMovingVideo('Đại biểu Hoa');
  await binh.hears();
  await until(async () => (await hoa.sound()).received > 100, 'sound in Firefox');
  await until(async () => (await hoa.inbound('video')).some((s) => s.frameHeight >= 360), 'the large picture in Firefox', 30000);
  assert.deepEqual(hoa.outside, []);
  await binh.close();
  await hoa.close();
});

// It knows a retransmission by its MID only, takes no redundancy (RED) and asks for no lost sound.
test('firefox_on_a_line_that_loses_packets_keeps_picture_and_sound', options, async () => {
  link = await udpLink(server.mediaPort, ADDRESS);
  await link.down({ rate: 3e6, queue: 300, delay: 25, loss: 0 });
  await link.up({ delay: 25 });
  const { binh, hoa } = await meet({ relayFrom: server.mediaPort, relayTo: link.port });
  const sent = async () => (await binh.stats()).filter((s) => s.type === 'outbound-rtp' && s.kind === 'video').reduce((n, s) => Math.max(n, s.framesSent ?? 0), 0);
  const hears = async (packets) => {
    const enough = (await hoa.sound()).received + packets;
    await until(async () => (await hoa.sound()).received > enough, 'sound', 40000, 250);
  };
  await hears(150); // her streams are reported, and go without their MID
  await link.down({ loss: 5 });
  const count = async () => ({ ...(await hoa.sound()), frames: await hoa.framesDecoded(), sent: await sent() });
  await until(async () => {
    const before = await count();
    const gaps = await hoa.watchFrames();
    await hears(300);
    const now = await count();
    const lost = (now.lost - before.lost) / (now.lost - before.lost + now.received - before.received);
    const frames = (now.frames - before.frames) / (now.sent - before.sent);
    figure('Firefox, 5 % loss, in 6 s: longest pause in any picture', `${Math.max(...Object.values(await gaps()))} ms`);
    figure('Firefox, 5 % loss, in 6 s: frames shown, sound lost', `${(100 * frames).toFixed(0)} %, ${(100 * lost).toFixed(2)} %`);
    return frames > 0.7 && lost < 0.01;
  }, 'six seconds of whole sound and moving pictures', 60000);
  await binh.close();
  await hoa.close();
  link.close();
});
