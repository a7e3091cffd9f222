// SPDX-License-Identifier: Apache-2.0
// Chromium as a WHIP publisher and a WHEP player, on a page from elsewhere.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, until } from './harness.mjs';
import { whipPage } from './whip_page.mjs';

let browser, elsewhere, home;
before(async () => {
  browser = await launch();
  elsewhere = http.createServer((_, answer) => answer.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>'));
  await new Promise((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  home = `http://127.0.0.1:${elsewhere.address().port}/`;
});
after(async () => {
  await browser?.close();
  elsewhere?.close();
  cleanUp();
});

/** Publishes or plays on a page of its own; `it` is its handle. */
async function start(way, url, token) {
  const page = await whipPage(browser, home);
  const it = await page.evaluateHandle(([to, bearer]) => new window.Whip(to, bearer), [url, token]);
  await it.evaluate((whip, verb) => whip[verb](), way);
  return { page, it, stats: () => it.evaluate((whip) => whip.stats()), log: () => it.evaluate((whip) => whip.log) };
}

const more = async (client, name) => {
  const before = (await client.stats())[name];
  return until(async () => (await client.stats())[name] > before + 10, `more ${name}`);
};

test('chromium_publishes_plays_restarts_ice_and_ends', { timeout: 120000 }, async () => {
  const server = await Server.start();
  const meeting = server.createMeeting();
  const token = server.token(meeting.id, 'presenter');
  const publisher = await start('publish', `${server.base}/whip/${meeting.id}?id=may-quay&name=M%C3%A1y%20quay`, token);
  const player = await start('play', `${server.base}/whep/${meeting.id}?publishers=may-quay`, token);
  await until(async () => (await player.stats()).frames > 10, 'pictures');
  await until(async () => (await player.stats()).sound > 20, 'sound');
  const person = await Person.join(browser, meeting.links.delegate, 'Hoa');
  assert.ok(await person.seesMovingVideo('Máy quay'));

  for (const client of [publisher, player]) {
    await until(async () => (await client.log()).filter(([method]) => method === 'PATCH').length > 0, 'trickled candidates');
    for (const [method, status] of await client.log()) assert.equal(status, { POST: 201, PATCH: 204 }[method]);
  }

  for (const client of [publisher, player]) {
    const old = await client.stats();
    await client.it.evaluate((whip) => whip.restart());
    const now = await until(async () => {
      const stats = await client.stats();
      return stats.ufrag === stats.offered && stats.ufrag !== old.ufrag && stats.connection === 'connected' && stats;
    }, 'the new ICE session');
    assert.equal(now.dtls, 'connected');
    await more(player, 'frames');
    await more(player, 'sound');
  }
  figure('freezes over two ICE restarts', `${(await player.stats()).freeze} s`);
  for (const client of [publisher, player]) {
    const log = await client.log();
    assert.equal(log.filter(([method, status]) => method === 'PATCH' && status === 200).length, 1);
    assert.ok(log.every(([, status]) => [200, 201, 204].includes(status)), JSON.stringify(log));
  }

  // Encoders close first and then send DELETE, which finds the session ended.
  await publisher.it.evaluate((whip) => whip.pc.close());
  await person.tile('Máy quay').waitFor({ state: 'detached' });
  assert.equal(await publisher.it.evaluate((whip) => whip.end()), 200);
  assert.equal(await publisher.it.evaluate(async (whip) => (await whip.request('DELETE', whip.url)).status), 404);
  assert.equal(await player.it.evaluate((whip) => whip.end()), 200);
  await person.close();
  assert.equal(await server.stop(), 0);
});
