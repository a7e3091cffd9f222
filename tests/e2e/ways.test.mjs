// SPDX-License-Identifier: Apache-2.0
// The ways of a browser's media to the server: TCP where UDP is blocked, IPv6, the nearest of several addresses, and
// another way in mid-meeting.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { cleanUp, figure, launch, Person, Server, udpRelay, until } from './harness.mjs';
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
