// SPDX-License-Identifier: Apache-2.0
// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as raw HTTP. Usage: node whip.test.mjs DINH
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { Client, errorCodes, Server } from './dinh.mjs';

const SECRET = 'bí#mật của trạm';
const URIS = ['turn:192.0.2.1:3478?transport=udp', 'turn:192.0.2.1:3478?transport=tcp', 'turns:turn.example.vn:443?transport=tcp'];
const FRAGMENT = 'application/trickle-ice-sdpfrag';
const UNKNOWN = '018f0000-0000-7000-8000-000000000000';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'dinh-whip-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
const secretFile = path.join(folder, 'secret');
fs.writeFileSync(secretFile, `${SECRET}\n`);
const server = new Server('--turn-uri', URIS.slice(0, 2).join(','), '--turn-uri', URIS[2], '--turn-secret-file', secretFile);
before(() => server.start());
after(async () => {
  assert.ok(!server.log.includes(SECRET), 'the secret is in no log');
  await server.stop();
});

const sdp = (name) => fs.readFileSync(new URL(`../data/sdp/${name}.sdp`, import.meta.url), 'utf8');
const OFFERS = { whip: sdp('webrtcbin_publish'), whep: sdp('webrtcbin_subscribe') };
const credentialsOf = (text) => ({ ufrag: /^a=ice-ufrag:(\S+)/m.exec(text)?.[1], pwd: /^a=ice-pwd:(\S+)/m.exec(text)?.[1] });
const fragment = ({ ufrag, pwd } = {}, lines = []) =>
  [ufrag && `a=ice-ufrag:${ufrag}`, pwd && `a=ice-pwd:${pwd}`, 'm=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=mid:0', ...lines, ''].filter((l) => l !== undefined).join('\r\n');
const CANDIDATE = 'a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0';

async function refused(answer, status, code) {
  const body = await answer.json();
  assert.equal(answer.status, status, JSON.stringify(body));
  assert.equal(body.code, code);
  assert.ok(errorCodes.has(code), `${code} is in the schema`);
  assert.equal(answer.headers.get('access-control-allow-origin'), '*');
  return answer;
}

/** One session, from its 201 on. */
class Session {
  static async open({ role = 'delegate', way = 'whip', query = '', meeting = server.meeting(), token = server.token(meeting, role) } = {}) {
    const session = new Session();
    session.token = token;
    session.meeting = meeting;
    session.endpoint = `${server.base}/${way}/${meeting}`;
    session.answer = await fetch(session.endpoint + query, {
      method: 'POST', body: OFFERS[way], headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp', origin: 'https://elsewhere.example' },
    });
    assert.equal(session.answer.status, 201);
    session.sdp = await session.answer.text();
    session.url = new URL(session.answer.headers.get('location'), session.endpoint).href;
    session.etag = session.answer.headers.get('etag');
    session.ice = credentialsOf(OFFERS[way]);
    return session;
  }

  patch(body, { match = this.etag, token = this.token, type = FRAGMENT, ...more } = {}) {
    return fetch(this.url, {
      method: 'PATCH', body, headers: { authorization: `Bearer ${token}`, 'content-type': type, ...(match && { 'if-match': match }), ...more },
    });
  }

  delete(headers = { authorization: `Bearer ${this.token}` }) {
    return fetch(this.url, { method: 'DELETE', headers });
  }
}

/** What Link says of TURN servers. */
function turnServers(answer) {
  const links = answer.headers.get('link')?.split(/,\s*(?=<)/) ?? [];
  return links.map((link) => {
    const [, urls, username, credential] = /^<(.*)>; rel="ice-server"; username="(.*)"; credential="(.*)"; credential-type="password"$/.exec(link);
    return { urls, username, credential };
  });
}

function isGoodFor({ username, credential }, participant) {
  const [expiry, who] = username.split(':');
  assert.equal(who, participant);
  const hours = (Number(expiry) - Date.now() / 1000) / 3600;
  assert.ok(hours > 23 && hours <= 24, `${hours} hours`);
  assert.equal(credential, crypto.createHmac('sha1', SECRET).update(username).digest('base64'));
}

test('a_preflight_opens_the_endpoint_to_pages_from_elsewhere', async () => {
  const meeting = server.meeting();
  for (const way of ['whip', 'whep']) {
    const url = `${server.base}/${way}/${meeting}`;
    const preflight = await fetch(url, { method: 'OPTIONS', headers: { origin: 'https://elsewhere.example' } });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
    assert.equal(preflight.headers.get('allow'), 'POST, OPTIONS');
    assert.match(preflight.headers.get('access-control-allow-methods'), /POST/);
    assert.match(preflight.headers.get('access-control-allow-headers'), /Authorization.*Content-Type.*If-Match/);
    assert.equal(preflight.headers.get('accept-post'), 'application/sdp');
    assert.equal(preflight.headers.get('link'), null, 'no credentials for strangers');
    const session = await fetch(`${url}/anything`, { method: 'OPTIONS' });
    assert.match(session.headers.get('access-control-allow-methods'), /PATCH.*DELETE/);
    assert.equal(session.headers.get('accept-patch'), FRAGMENT);
  }
});

test('turn_credentials_come_in_links', async () => {
  const meeting = server.meeting();
  const token = server.token(meeting, 'delegate');
  const asked = await fetch(`${server.base}/whip/${meeting}`, { method: 'OPTIONS', headers: { authorization: `Bearer ${token}` } });
  assert.equal(asked.status, 204);
  assert.deepEqual(turnServers(asked).map((s) => s.urls), URIS);
  const [first] = turnServers(asked);
  isGoodFor(first, first.username.split(':')[1]);
  await refused(await fetch(`${server.base}/whip/${meeting}`, { method: 'OPTIONS', headers: { authorization: 'Bearer x' } }), 401, 'token-invalid');

  for (const [way, query] of [['whip', '?id=camera-1'], ['whep', '']]) {
    const { answer } = await Session.open({ meeting, token, way, query });
    const servers = turnServers(answer);
    assert.deepEqual(servers.map((s) => s.urls), URIS);
    if (way === 'whip') isGoodFor(servers[1], 'camera-1');
    const exposed = answer.headers.get('access-control-expose-headers');
    for (const name of ['Location', 'ETag', 'Link']) assert.ok(exposed.includes(name));
  }
});

test('turn_credentials_come_with_the_welcome_and_anew_with_each_resume', async () => {
  const meeting = server.meeting();
  const session = await server.session(meeting, 'delegate');
  let client = await Client.open(server, session);
  const welcome = await client.join('Bình');
  assert.deepEqual(welcome.ice_servers.map((s) => s.urls), URIS);
  isGoodFor(welcome.ice_servers[0], welcome.self);
  await client.close();
  client = await Client.open(server, session);
  const again = await client.join('Bình', { resume: { last_seq: welcome.seq } });
  assert.ok(again.resumed);
  isGoodFor(again.ice_servers[0], welcome.self);
  await client.close();
});

test('an_offer_gets_a_location_and_a_tag', async () => {
  for (const way of ['whip', 'whep']) {
    const session = await Session.open({ way });
    assert.equal(session.answer.headers.get('content-type'), 'application/sdp');
    assert.match(session.sdp, /^v=0\r\n/);
    assert.ok(session.url.startsWith(`${session.endpoint}/`));
    assert.match(session.etag, /^"[^"]+"$/, 'a strong tag');
    assert.ok(!session.url.includes(session.etag.slice(1, -1)), 'which gives nothing of the Location away');
    assert.equal(session.answer.headers.get('accept-patch'), FRAGMENT);
    assert.equal((await session.delete()).status, 200);
  }
});

test('wrong_offers_are_refused_by_their_kind', async () => {
  const meeting = server.meeting();
  const url = `${server.base}/whip/${meeting}`;
  const bearer = { authorization: `Bearer ${server.token(meeting, 'delegate')}`, 'content-type': 'application/sdp' };
  const post = (headers, body = OFFERS.whip, to = url) => fetch(to, { method: 'POST', headers, body });
  const missing = await refused(await post({ 'content-type': 'application/sdp' }), 401, 'token-invalid');
  assert.equal(missing.headers.get('www-authenticate'), 'Bearer');
  const invalid = await refused(await post({ ...bearer, authorization: `${bearer.authorization}x` }), 401, 'token-invalid');
  assert.equal(invalid.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
  await refused(await post({ ...bearer, authorization: 'Basic dXNlcjpwYXNz' }), 401, 'token-invalid');
  const old = server.token(meeting, 'delegate', '--expires-hours', '0');
  await refused(await post({ ...bearer, authorization: `Bearer ${old}` }), 401, 'token-expired');
  await refused(await post({ ...bearer, authorization: `Bearer ${server.token(meeting, 'observer')}` }), 403, 'forbidden');
  await refused(await post({ ...bearer, authorization: `Bearer ${server.token(server.meeting(), 'chair')}` }), 403, 'forbidden');
  await refused(await post(bearer, OFFERS.whip, `${server.base}/whip/${UNKNOWN}`), 404, 'meeting-not-found');
  const type = await refused(await post({ ...bearer, 'content-type': 'text/plain' }), 415, 'bad-message');
  assert.equal(type.headers.get('accept-post'), 'application/sdp');
  await refused(await post({ ...bearer, 'content-type': 'application/sdpx' }), 415, 'bad-message');
  await refused(await post(bearer, ''), 400, 'sdp-malformed');
  await refused(await post(bearer, 'hello'), 400, 'sdp-malformed');
  await refused(await post(bearer, OFFERS.whip.replace(/^a=fingerprint.*\r?\n/gm, '')), 406, 'sdp-no-dtls');
  await refused(await post(bearer, OFFERS.whip, `${url}?id=bad%20id`), 400, 'bad-field');
  for (const id of ['s-somebody', 'film', 'c-hall1']) await refused(await post(bearer, OFFERS.whip, `${url}?id=${id}`), 409, 'id-taken');
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
    const answer = await refused(await fetch(url, { method, headers: bearer }), 405, 'bad-message');
    assert.equal(answer.headers.get('allow'), 'POST, OPTIONS');
  }
});

test('an_offer_that_would_carry_nothing_is_refused_with_the_other_address', async () => {
  const meeting = server.meeting();
  const headers = { authorization: `Bearer ${server.token(meeting, 'delegate')}`, 'content-type': 'application/sdp' };
  const post = (way, directions) => {
    let i = 0;
    const body = OFFERS[way].replace(/^a=(sendrecv|recvonly)/gm, () => `a=${directions[i++]}`);
    return fetch(`${server.base}/${way}/${meeting}`, { method: 'POST', headers, body });
  };
  for (const [way, wrong, right, other] of [['whip', 'recvonly', 'sendonly', '/whep/'], ['whep', 'sendonly', 'recvonly', '/whip/']]) {
    for (const directions of [[wrong, wrong], ['inactive', 'inactive'], [wrong, 'inactive']]) {
      const answer = await post(way, directions);
      const { message } = await answer.clone().json();
      await refused(answer, 406, 'sdp-wrong-way');
      assert.match(message, /^Địa chỉ /, 'Vietnamese first');
      assert.ok(message.includes(other), message);
    }
    const mirrored = { sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive' };
    for (const directions of [[right, right], [right, 'inactive'], ['inactive', right]]) {
      const answer = await post(way, directions);
      assert.equal(answer.status, 201, `${way} ${directions}`);
      assert.deepEqual((await answer.text()).match(/(?<=^a=)(sendonly|recvonly|inactive)(?=\r$)/gm), directions.map((d) => mirrored[d]));
    }
    const both = await post(way, ['sendrecv', 'sendrecv']);
    assert.equal(both.status, 201);
    assert.deepEqual((await both.text()).match(/(?<=^a=)(sendonly|recvonly|inactive)(?=\r$)/gm), [wrong, wrong], 'what both could do goes one way');
  }
});

test('candidates_are_taken_for_the_ice_session_they_name', async () => {
  const session = await Session.open();
  const good = fragment(session.ice, [CANDIDATE, 'a=end-of-candidates']);
  const taken = await session.patch(good);
  assert.equal(taken.status, 204);
  assert.equal(await taken.text(), '');
  assert.equal((await session.patch(good, { match: `"other", ${session.etag}` })).status, 204);
  assert.equal((await session.patch(fragment({}, [CANDIDATE]), { type: `${FRAGMENT}; charset=utf-8` })).status, 204);
  await refused(await session.patch(good, { match: null }), 428, 'ice-changed');
  await refused(await session.patch(good, { match: '"old"' }), 412, 'ice-changed');
  await refused(await session.patch(good, { match: `W/${session.etag}` }), 412, 'ice-changed');
  const type = await refused(await session.patch(good, { type: 'application/sdp' }), 415, 'bad-message');
  assert.equal(type.headers.get('accept-patch'), FRAGMENT);
  await refused(await session.patch(''), 400, 'bad-message');
  await refused(await session.patch(session.sdp), 400, 'bad-message');
  await refused(await session.patch(fragment(session.ice, ['a=candidate:1 1 udp'])), 400, 'bad-message');
  await refused(await session.patch(`${good}a=ice-ufrag:another\r\n`), 422, 'bad-field');
  await refused(await session.patch(fragment({ ...session.ice, ufrag: 'other' })), 422, 'bad-field');
  await refused(await session.patch(fragment(session.ice, Array(101).fill(CANDIDATE))), 413, 'too-large');
  assert.equal((await session.delete()).status, 200);
});

test('ice_restarts_by_patch', async () => {
  for (const way of ['whip', 'whep']) {
    const session = await Session.open({ way });
    const next = { ufrag: 'fresh1', pwd: 'p'.repeat(24) };
    const answer = await session.patch(fragment(next), { match: '"*"' });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), FRAGMENT);
    const etag = answer.headers.get('etag');
    assert.match(etag, /^"[^"]+"$/);
    assert.notEqual(etag, session.etag);
    assert.deepEqual(turnServers(answer).map((s) => s.urls), URIS);
    const ours = await answer.text();
    const before = credentialsOf(session.sdp);
    assert.match(ours, /^a=ice-lite\r\na=group:BUNDLE [^\r]+\r\nm=[^\r]+\r\na=mid:\S+\r\n/);
    assert.ok(credentialsOf(ours).ufrag && credentialsOf(ours).ufrag !== before.ufrag);
    assert.ok(credentialsOf(ours).pwd && credentialsOf(ours).pwd !== before.pwd);
    assert.match(ours, /^a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 \d+ typ host/m);
    assert.match(ours, /^a=end-of-candidates\r\n/m);
    await refused(await session.patch(fragment(session.ice, [CANDIDATE])), 412, 'ice-changed');
    assert.equal((await session.patch(fragment(next, [CANDIDATE]), { match: etag })).status, 204);
    const again = await session.patch(fragment(next), { match: '*' });
    assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [200, etag, ours], 'the answer may be asked for again');
    assert.equal((await session.delete()).status, 200);
  }
});

/** RFC 9725 §4.3.3: whoever comes last has the session; whoever came with the old tag has lost. */
test('restarts_at_once_end_in_one_ice_session', async () => {
  const session = await Session.open();
  const ices = Array.from({ length: 6 }, (_, i) => ({ ufrag: `race${i}`, pwd: String(i).repeat(24) }));
  const byTag = await Promise.all(ices.map((ice) => session.patch(fragment(ice))));
  assert.deepEqual(byTag.map((a) => a.status).sort(), [200, 412, 412, 412, 412, 412]);
  const any = await Promise.all(ices.slice(0, 3).map((ice) => session.patch(fragment(ice), { match: '*' })));
  const tags = new Set();
  for (const answer of any) {
    assert.equal(answer.status, 200);
    tags.add(answer.headers.get('etag'));
  }
  let alive = 0;
  for (const match of tags) alive += (await session.patch(fragment({}, [CANDIDATE]), { match })).status === 204;
  assert.equal(alive, 1);
  assert.equal((await session.delete()).status, 200);
});

test('a_session_obeys_its_own_token_only', async () => {
  const session = await Session.open();
  const body = fragment(session.ice, [CANDIDATE]);
  const others = [
    [undefined, 401, 'token-invalid'],
    ['Bearer x', 401, 'token-invalid'],
    [`Bearer ${server.token(session.meeting, 'chair')}`, 403, 'forbidden'],
    [`Bearer ${server.token(server.meeting(), 'delegate')}`, 403, 'forbidden'],
    [`Bearer ${server.token(session.meeting, 'delegate', '--expires-hours', '0')}`, 401, 'token-expired'],
  ];
  for (const [authorization, status, code] of others) {
    const headers = { ...(authorization && { authorization }), 'content-type': FRAGMENT, 'if-match': session.etag };
    await refused(await fetch(session.url, { method: 'PATCH', headers, body }), status, code);
    await refused(await session.delete(authorization ? { authorization } : {}), status, code);
  }
  for (const method of ['GET', 'PUT', 'POST']) {
    const answer = await refused(await fetch(session.url, { method, headers: { authorization: `Bearer ${session.token}` } }), 405, 'bad-message');
    assert.equal(answer.headers.get('allow'), 'PATCH, DELETE, OPTIONS');
  }
  const elsewhere = session.url.replace(session.meeting, server.meeting());
  await refused(await fetch(elsewhere, { method: 'DELETE', headers: { authorization: `Bearer ${session.token}` } }), 404, 'not-found');
  assert.equal((await session.patch(body)).status, 204, 'it is still there');
  const otherwise = { authorization: `bearer   ${session.token}`, 'content-type': FRAGMENT, 'if-match': session.etag };
  assert.equal((await fetch(session.url, { method: 'PATCH', headers: otherwise, body })).status, 204, 'the scheme is no name');
  assert.equal((await session.delete({ authorization: `Bearer ${session.token}`, 'if-match': '"old"' })).status, 200, 'a tag has no say in DELETE');
  await refused(await session.patch(body), 404, 'not-found');
  await refused(await session.delete(), 404, 'not-found');
});

test('a_patch_is_bounded_in_size_and_speed', async () => {
  const session = await Session.open();
  const long = 'a=x\r\n'.repeat(4000);
  await refused(await session.patch(long), 413, 'too-large');
  const stream = new ReadableStream({ start: (controller) => { controller.enqueue(Buffer.from(long)); controller.close(); } });
  const chunked = await fetch(session.url, {
    method: 'PATCH', body: stream, duplex: 'half', headers: { authorization: `Bearer ${session.token}`, 'content-type': FRAGMENT, 'if-match': session.etag },
  });
  await refused(chunked, 413, 'too-large');
  const offer = await fetch(session.endpoint, { method: 'POST', body: 'x'.repeat(300 * 1024), headers: { authorization: `Bearer ${session.token}`, 'content-type': 'application/sdp' } });
  await refused(offer, 413, 'sdp-too-large');
  const statuses = new Map();
  // 50 at a time, so that it is over 20 a second on a slow machine too.
  for (let i = 0; i < 100 && !statuses.get(429); i++) {
    for (const answer of await Promise.all(Array.from({ length: 50 }, () => session.patch(fragment(session.ice))))) {
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      if (answer.status === 429) assert.equal(answer.headers.get('retry-after'), '1');
    }
  }
  assert.ok(statuses.get(204) >= 90 && statuses.get(429) > 0 && statuses.size === 2, JSON.stringify([...statuses]));
  assert.equal((await session.delete()).status, 200);
});

test('a_slow_patch_holds_up_nobody', async () => {
  const slow = await Session.open();
  const other = await Session.open();
  const { hostname, port, pathname } = new URL(slow.url);
  const sockets = Array.from({ length: 20 }, () => {
    const socket = net.connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(`PATCH ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${slow.token}\r\nContent-Type: ${FRAGMENT}\r\n`
      + `If-Match: ${slow.etag}\r\nContent-Length: 1000\r\n\r\na=x`);
    return socket;
  });
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  assert.equal((await other.patch(fragment(other.ice, [CANDIDATE]))).status, 204);
  assert.equal((await slow.delete()).status, 200, 'the session ends while its PATCHes are on their way');
  const answers = sockets.map((socket) => new Promise((resolve) => socket.once('data', (data) => resolve(String(data)))));
  for (const socket of sockets) socket.write('x'.repeat(997));
  for (const answer of await Promise.all(answers)) assert.match(answer, /^HTTP\/1\.1 404 /);
  for (const socket of sockets) socket.destroy();
  await other.delete();
});

test('two_tags_in_two_lines_are_refused', async () => {
  const session = await Session.open();
  const { hostname, port, pathname } = new URL(session.url);
  const socket = net.connect(Number(port), hostname);
  const body = fragment(session.ice);
  socket.end(`PATCH ${pathname} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${session.token}\r\nContent-Type: ${FRAGMENT}\r\n`
    + `If-Match: "old"\r\nIf-Match: ${session.etag}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const answer = await new Promise((resolve) => socket.once('data', (data) => resolve(String(data))));
  assert.match(answer, /^HTTP\/1\.1 400 /);
  await session.delete();
});

test('one_persons_token_makes_few_sessions', async () => {
  const meeting = server.meeting();
  const token = server.token(meeting, 'delegate', '--name', 'Bình');
  const sessions = [];
  for (let i = 0; i < 16; i++) sessions.push(await Session.open({ meeting, token }));
  const more = () => fetch(sessions[0].endpoint, { method: 'POST', body: OFFERS.whip, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/sdp' } });
  await refused(await more(), 503, 'full');
  await sessions[3].delete();
  assert.equal((await more()).status, 201);
  assert.equal((await Session.open({ meeting })).answer.status, 201, 'others are not held up');
});
