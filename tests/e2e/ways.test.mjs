// SPDX-License-Identifier: Apache-2.0
// The ways of a browser's media to the server: TCP where UDP is blocked, IPv6, the nearest of several addresses, and
// another way in mid-meeting.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, onCleanUp, Person, Server, udpRelay, until } from './harness.mjs';
import { twoMachines } from './networks.mjs';

const LAN = '10.77.1.1';
const PUBLIC = '203.0.113.1'; // RFC 5737
const ULA = 'fd77::1';
const HTTPS_PORT = 8444;

let machines, hall, server;
before(async () => {
  machines = await twoMachines();
  machines.server.run('ip', 'addr', 'add', `${PUBLIC}/32`, 'dev', 'lo');
  machines.server.run('ip', 'addr', 'add', `${ULA}/64`, 'dev', 'cable', 'nodad');
  machines.hall.run('ip', 'addr', 'add', 'fd77::2/64', 'dev', 'cable', 'nodad');
  hall = await machines.hall.browser();
});
after(async () => {
  await hall?.close();
  cleanUp();
});

async function serve(addresses) {
  server = await Server.start({ wrap: machines.server.wrap, args: ['--https', `${LAN}:${HTTPS_PORT}`, '--media-address', addresses] });
  return server.createMeeting();
}

const meet = (meeting, name) => Person.join(hall, `https://${LAN}:${HTTPS_PORT}/m/${meeting.id}#t=${server.token(meeting.id, 'delegate')}`, name, { ignoreHTTPSErrors: true });

/** Between which candidates the page's media travels. */
async function way(person) {
  const stats = await person.stats();
  const transport = stats.find((s) => s.type === 'transport');
  const pair = stats.find((s) => s.id === transport?.selectedCandidatePairId);
  const remote = stats.find((s) => s.id === pair?.remoteCandidateId);
  return { address: remote?.address, protocol: remote?.protocol };
}

/** Two people in the hall see and hear each other; returns Hoa's way. */
async function meetInTheHall(meeting) {
  const people = [await meet(meeting, 'Hoa'), await meet(meeting, 'Bình')];
  for (const [person, other] of [[people[0], 'Bình'], [people[1], 'Hoa']]) {
    assert.ok(await person.seesMovingVideo(other));
    assert.ok(await person.hears());
  }
  const ways = await Promise.all(people.map(way));
  assert.deepEqual(ways[0], ways[1]);
  for (const person of people) await person.close();
  return ways[0];
}

test('without_udp_people_meet_by_tcp_on_the_media_port', { timeout: 120000 }, async () => {
  const meeting = await serve(LAN);
  machines.hall.run('ip', 'rule', 'add', 'ipproto', 'udp', 'prohibit');
  const began = Date.now();
  try {
    assert.deepEqual(await meetInTheHall(meeting), { address: LAN, protocol: 'tcp' });
    figure('two people meet without UDP', `${Date.now() - began} ms`);
  } finally {
    machines.hall.run('ip', 'rule', 'del', 'ipproto', 'udp', 'prohibit');
    await server.stop();
  }
});

test('people_meet_over_ipv6', { timeout: 120000 }, async () => {
  const meeting = await serve(ULA);
  assert.deepEqual(await meetInTheHall(meeting), { address: ULA, protocol: 'udp' });
  await server.stop();
});

// The web is on the private address in both: what differs is whether media reaches it.
test('the_private_address_is_used_by_those_who_reach_it', { timeout: 120000 }, async () => {
  const meeting = await serve(`${PUBLIC},${LAN}`);
  assert.deepEqual(await meetInTheHall(meeting), { address: LAN, protocol: 'udp' });
  machines.hall.run('ip', 'rule', 'add', 'to', LAN, 'ipproto', 'udp', 'prohibit');
  machines.hall.run('ip', 'rule', 'add', 'to', LAN, 'ipproto', 'tcp', 'dport', String(server.mediaPort), 'prohibit');
  assert.deepEqual(await meetInTheHall(meeting), { address: PUBLIC, protocol: 'udp' });
  await server.stop();
});

/** Notes when packets of media arrive in the page; longestGap() is since the last call of it. */
function watchArrivals(person) {
  return person.page.evaluate(() => {
    const gap = { last: 0, longest: 0 };
    window.testGap = gap;
    setInterval(() => {
      const pc = window.testPeerConnections.at(-1);
      const times = pc.getReceivers().flatMap((r) => r.getSynchronizationSources().map((source) => source.timestamp));
      const last = Math.max(0, ...times);
      if (last > gap.last && gap.last > 0) gap.longest = Math.max(gap.longest, last - gap.last);
      gap.last = Math.max(gap.last, last);
    }, 10);
  });
}

async function longestGap(person) {
  return Math.round(await person.page.evaluate(() => {
    const { longest } = window.testGap;
    window.testGap.longest = 0;
    return longest;
  }));
}

const connections = (person) => person.page.evaluate(() => window.testPeerConnections.length);

/** Both see each other's picture move on for so many frames. */
async function goOn(people, frames) {
  const before = await Promise.all(people.map((p) => p.framesDecoded()));
  await until(async () => (await Promise.all(people.map((p) => p.framesDecoded()))).every((n, i) => n > before[i] + frames), 'pictures', 30000);
}

async function measureMove(name, still, moving, move) {
  const before = await connections(moving);
  for (const person of [still, moving]) await watchArrivals(person);
  await goOn([still, moving], 30);
  figure(`${name}: longest gap before`, `${await longestGap(still)} ms to the other, ${await longestGap(moving)} ms to the moving one`);
  await move();
  await goOn([still, moving], 60);
  figure(`${name}: longest gap`, `${await longestGap(still)} ms to the other, ${await longestGap(moving)} ms to the moving one`);
  figure(`${name}: new PeerConnections`, (await connections(moving)) - before); // none, but on a machine that is too busy
}

test('media_goes_on_when_a_router_forgets_the_way', { timeout: 120000 }, async () => {
  const near = await launch();
  onCleanUp(() => near.close());
  server = await Server.start();
  const meeting = server.createMeeting();
  const relay = await udpRelay(server.mediaPort);
  const still = await Person.join(near, meeting.links.chair, 'Chủ tọa Bình');
  const moving = await Person.join(near, meeting.links.delegate, 'Đại biểu Hoa', { relayFrom: server.mediaPort, relayTo: relay.port });
  await moving.seesMovingVideo('Chủ tọa Bình');
  await still.seesMovingVideo('Đại biểu Hoa');
  for (let i = 0; i < 3; i++) await measureMove('another port', still, moving, () => relay.changePort());
  await near.close();
  relay.close();
  await server.stop();
});

test('media_goes_on_from_wifi_to_mobile_data', { timeout: 120000 }, async () => {
  const { server: office, hall: phone } = machines;
  phone.run('ip', 'rule', 'flush');
  for (const table of ['local', 'main', 'default']) phone.run('ip', 'rule', 'add', 'lookup', table, 'pref', { local: '0', main: '32766', default: '32767' }[table]);
  office.run('ip', 'link', 'add', 'mobile', 'type', 'veth', 'peer', 'name', 'mobile', 'netns', String(phone.child.pid));
  for (const [machine, address] of [[office, '10.78.1.1/24'], [phone, '10.78.1.2/24']]) {
    machine.run('ip', 'addr', 'add', address, 'dev', 'mobile');
    machine.run('ip', 'link', 'set', 'mobile', 'up');
  }
  server = await Server.start({ wrap: office.wrap, args: ['--https', `${PUBLIC}:${HTTPS_PORT}`, '--media-address', PUBLIC] });
  const meeting = server.createMeeting();
  const link = (role) => `https://${PUBLIC}:${HTTPS_PORT}/m/${meeting.id}#t=${server.token(meeting.id, role)}`;
  const near = await office.browser();
  onCleanUp(() => near.close());
  const still = await Person.join(near, link('chair'), 'Chủ tọa Bình', { ignoreHTTPSErrors: true });
  const moving = await Person.join(hall, link('delegate'), 'Đại biểu Hoa', { ignoreHTTPSErrors: true });
  await moving.seesMovingVideo('Chủ tọa Bình');
  await still.seesMovingVideo('Đại biểu Hoa');
  await measureMove('Wi-Fi to mobile data', still, moving, () => {
    phone.run('ip', 'link', 'del', 'cable');
    phone.run('ip', 'route', 'add', 'default', 'via', '10.78.1.1');
  });
  await near.close();
  await server.stop();
});
