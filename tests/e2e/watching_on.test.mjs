// SPDX-License-Identifier: Apache-2.0
// Viewers of a stream notice little of what happens to the server: its job dies, it is restarted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, until } from './harness.mjs';

let server, browser, meeting, viewer;
before(async () => {
  server = await Server.start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
  cleanUp();
});

const api = (method, path) => fetch(`${server.base}/api/v1/meetings/${meeting.id}/${path}`, {
  method, headers: { authorization: `Bearer ${new URL(meeting.links.chair).hash.slice(3)}` },
});
/** null: there is no picture now. */
const played = () => viewer.page.getByTestId('watch-video').evaluate((video) => video.currentTime, null, { timeout: 100 }).catch(() => null);

/** Resolves when it has moved for so many seconds; the longest standstill in ms. */
async function playsOn(seconds) {
  let [at, moving, longest, since, last] = [null, 0, 0, Date.now(), Date.now()];
  await until(async () => {
    const now = await played();
    const time = Date.now();
    if (now !== null && now !== at) {
      moving += time - last;
      [at, since] = [now, time];
    }
    longest = Math.max(longest, time - since);
    last = time;
    return moving > seconds * 1000;
  }, `${seconds} s to be played`, 90000);
  return longest;
}

test('a_viewer_watches_on_when_the_encoder_dies', { timeout: 180000 }, async () => {
  meeting = server.createMeeting('Hội nghị phát trực tiếp');
  assert.equal((await api('PUT', 'live')).status, 200);
  viewer = await Person.open(browser, `${server.base}/w/${meeting.id}#t=${server.token(meeting.id, 'viewer')}`, { permissions: [] });
  await playsOn(2);
  const [job] = await until(() => { const found = server.jobs('program'); return found.length ? found : null; }, 'the job');
  process.kill(job, 'SIGKILL');
  figure('longest standstill after kill -9 of the encoder', `${await playsOn(12)} ms`);
});

test('a_viewer_watches_on_when_the_server_is_killed_and_comes_back', { timeout: 180000 }, async () => {
  await server.kill();
  await server.spawn();
  figure('longest standstill after kill -9 of the server', `${await playsOn(12)} ms`);
});
