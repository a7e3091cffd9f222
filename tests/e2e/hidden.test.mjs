// SPDX-License-Identifier: Apache-2.0
// A page that nobody can see, a phone in a pocket, costs its line the sound alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, until } from './harness.mjs';

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

const CHAIR = 'Chủ tọa Bình';
const HOA = 'Đại biểu Hoa';

/** In the page: a screen to share that changes all the time. */
function drawnScreen() {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const paint = canvas.getContext('2d');
    let step = 0;
    setInterval(() => {
      paint.fillStyle = `hsl(${step++ * 7 % 360} 80% 50%)`;
      paint.fillRect(0, 0, 640, 360);
    }, 100);
    return canvas.captureStream(10);
  };
}

/** Chromium without a screen shows every page at all times: the page is told otherwise. */
function turnAway(person, hidden) {
  return person.page.evaluate((state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state });
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => state === 'hidden' });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
  }, hidden ? 'hidden' : 'visible');
}

/** The pictures that a page asks for: all its slots, as it has told them. */
function watchViews(person) {
  const views = { slots: new Map(), told: 0, asked: () => [...views.slots.values()].filter((slot) => slot.participant !== null).length };
  person.page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => {
    const message = JSON.parse(payload);
    if (message.type !== 'view') return;
    views.told++;
    for (const slot of message.slots) views.slots.set(slot.index, slot);
  }));
  return views;
}

async function meet(meeting) {
  const chair = await Person.join(browser, meeting.links.chair, CHAIR, { script: drawnScreen });
  const person = await Person.open(browser, meeting.links.delegate);
  const views = watchViews(person);
  await person.page.getByTestId('join-name').fill(HOA);
  await person.page.getByTestId('join-button').click();
  await person.page.getByTestId('leave-button').waitFor();
  await person.seesMovingVideo(CHAIR);
  await person.hears();
  return { chair, person, views };
}

const frames = async (person) => (await person.inbound('video')).reduce((sum, s) => sum + (s.framesReceived ?? 0), 0);
const bytes = async (person, kind) => (await person.inbound(kind)).reduce((sum, s) => sum + (s.bytesReceived ?? 0), 0);
const othersPictures = (person) => person.page.locator('[data-testid=tile][data-self=false] video');

/** Two seconds' sound comes, and not one picture. */
async function hearsAndSeesNothing(person) {
  await othersPictures(person).first().waitFor({ state: 'detached' });
  let last = -1;
  await until(async () => last === (last = await frames(person)), 'the last picture', 15000, 500);
  const before = await person.sound();
  const video = await bytes(person, 'video');
  await until(async () => (await person.sound()).received > before.received + 100, 'two seconds of sound');
  figure('hidden: bytes of pictures during 100 packets of sound', (await bytes(person, 'video')) - video);
  assert.equal(await frames(person), last, 'no picture comes');
  assert.equal(await person.page.getByTestId('line-notice').count(), 0, 'and nobody blames the line');
}

test('a_hidden_page_receives_sound_only', { timeout: 90000 }, async () => {
  const { chair, person, views } = await meet(server.createMeeting());
  await chair.page.getByTestId('share-button').click();
  await until(async () => (await othersPictures(person).count()) === 2, 'the screen beside the camera');
  await until(() => views.asked() === 2, 'both to be asked for');

  await turnAway(person, true);
  await until(() => views.asked() === 0, 'no picture to be asked for');
  await hearsAndSeesNothing(person);
  await chair.seesMovingVideo(HOA);
  await chair.hears();

  const told = views.told;
  await person.page.setViewportSize({ width: 900, height: 700 }); // another layout while nobody looks
  await person.page.evaluate(() => window.dispatchEvent(new Event('offline')));
  await until(() => views.told > told, 'the views told after the socket was lost');
  assert.equal(views.asked(), 0, 'still none');
  await hearsAndSeesNothing(person);

  const from = Date.now();
  const seen = await frames(person);
  await turnAway(person, false);
  await until(async () => (await frames(person)) > seen, 'a picture');
  figure('hidden to shown: first picture after', `${Date.now() - from} ms`);
  await until(async () => (await othersPictures(person).count()) === 2, 'both pictures');
  await person.seesMovingVideo(CHAIR);
  assert.equal(await person.page.evaluate(() => window.testPeerConnections.length), 1);
  for (const one of [chair, person]) await one.close();
});

test('a_page_that_connects_anew_while_hidden_asks_for_no_picture', { timeout: 90000 }, async () => {
  const { chair, person, views } = await meet(server.createMeeting());
  await turnAway(person, true);
  await until(() => views.asked() === 0, 'no picture to be asked for');
  const connections = () => person.page.evaluate(() => window.testPeerConnections.length);
  const [before, told] = [await connections(), views.told];
  await server.kill();
  await server.spawn();
  await until(async () => (await connections()) > before, 'a new PeerConnection', 30000);
  await until(() => views.told > told, 'the views told to it', 30000);
  assert.equal(views.asked(), 0, 'still none');
  await person.hears();
  await hearsAndSeesNothing(person);
  await turnAway(person, false);
  await person.seesMovingVideo(CHAIR);
  for (const one of [chair, person]) await one.close();
});
