// SPDX-License-Identifier: Apache-2.0
// A hall whose network lets nothing through but TCP to the web and to the TURN server: Debian's coturn, as in deploy/.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, createHmac, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { cleanUp, figure, onCleanUp, Person, root, Server, temporaryFolder, until } from './harness.mjs';
import { twoMachines } from './networks.mjs';
import { whipPage } from './whip_page.mjs';

const WEB = '10.77.1.1'; // the web, TURN
const MEDIA = '10.77.2.1'; // of no use to the hall
const TURN_PORT = 3478;
const HTTPS_PORT = 8443;
const SECRET = 'a secret#of two servers';
const TURN = `turn:${WEB}:${TURN_PORT}?transport=tcp`;
const TURNS_PORT = 5349;
const TURNS = `turns:${WEB}:${TURNS_PORT}?transport=tcp`;

/** {cert, key, pin}: a certificate that nobody has signed, and what a browser has to be told to take it all the same. */
function ownCertificate() {
  const folder = temporaryFolder();
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=turn',
    '-addext', `subjectAltName=IP:${WEB}`, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const { publicKey } = new X509Certificate(readFileSync(cert));
  const pin = createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  return { cert, key, pin };
}

/** The sample configuration with this test's addresses and certificate, without UDP towards clients. */
function turnConfiguration(folder) {
  const file = path.join(folder, 'turnserver.conf');
  const sample = readFileSync(path.join(root, 'deploy/turnserver.conf'), 'utf8');
  const text = sample.replace(/^(listening-ip|relay-ip)=.*$/gm, `$1=${WEB}`).replace(/^allowed-peer-ip=.*$/m, `allowed-peer-ip=${MEDIA}`)
    .replace(/^listening-port=.*$/m, `listening-port=${TURN_PORT}`).replace(/^tls-listening-port=.*$/m, `tls-listening-port=${TURNS_PORT}`)
    .replace(/^cert=.*$/m, `cert=${certificate.cert}`).replace(/^pkey=.*$/m, `pkey=${certificate.key}`)
    .replace(/^static-auth-secret=.*$/m, `static-auth-secret=${SECRET}`);
  assert.ok(text.includes(SECRET) && !text.includes('203.0.113.10'));
  writeFileSync(file, `${text}no-udp\nno-dtls\n`);
  return file;
}

async function startCoturn(machine) {
  const folder = temporaryFolder();
  const [command, ...words] = [...machine.wrap, 'turnserver', '-c', turnConfiguration(folder), '--log-file=stdout', '--simple-log', '--verbose',
    `--pidfile=${folder}/pid`, `--userdb=${folder}/db`];
  const child = spawn(command, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const coturn = { child, log: [] };
  onCleanUp(() => child.kill('SIGKILL'));
  readline.createInterface({ input: child.stderr }).on('line', (line) => coturn.log.push(line));
  readline.createInterface({ input: child.stdout }).on('line', (line) => coturn.log.push(line));
  await until(() => machine.reaches(WEB, TURN_PORT), `coturn: ${coturn.log.join('\n')}`);
  return coturn;
}

let machines, coturn, browser, trusting, server, certificate, secretFile;
before(async () => {
  certificate = ownCertificate();
  machines = await twoMachines();
  machines.server.run('ip', 'addr', 'add', `${MEDIA}/32`, 'dev', 'lo');
  machines.hall.run('ip', 'route', 'add', 'blackhole', `${MEDIA}/32`);
  coturn = await startCoturn(machines.server);
  secretFile = path.join(temporaryFolder(), 'secret');
  writeFileSync(secretFile, `${SECRET}\n`);
  server = await Server.start({
    wrap: machines.server.wrap,
    args: ['--https', `${WEB}:${HTTPS_PORT}`, '--media-address', MEDIA, '--turn-uri', TURN, '--turn-secret-file', secretFile],
  });
  browser = await machines.hall.browser();
});
after(async () => {
  await browser?.close();
  await trusting?.close();
  cleanUp();
});

const meet = (meeting, name, { by = browser, at = server, port = HTTPS_PORT } = {}) =>
  Person.join(by, `https://${WEB}:${port}/m/${meeting.id}#t=${at.token(meeting.id, 'delegate')}`, name, { ignoreHTTPSErrors: true });

/** The pair of candidates in use, and how the page's media travels. */
async function way(person) {
  const stats = await person.stats();
  const transport = stats.find((s) => s.type === 'transport');
  const pair = stats.find((s) => s.id === transport?.selectedCandidatePairId);
  const local = stats.find((s) => s.id === pair?.localCandidateId);
  return { pair: pair?.id, type: local?.candidateType, relayProtocol: local?.relayProtocol, url: local?.url };
}

async function goesThroughTurn(person, relayProtocol = 'tcp', url = TURN) {
  const { pair, ...how } = await way(person);
  assert.deepEqual(how, { type: 'relay', relayProtocol, url });
  return pair;
}

test('the_hall_cannot_reach_the_media_port', () => {
  assert.ok(machines.server.reaches(WEB, HTTPS_PORT));
  assert.ok(machines.hall.reaches(WEB, HTTPS_PORT));
  assert.ok(!machines.hall.reaches(MEDIA, server.mediaPort));
});

test('without_udp_people_meet_through_turn_over_tcp', { timeout: 120000 }, async () => {
  const meeting = server.createMeeting();
  const people = [await meet(meeting, 'Hoa'), await meet(meeting, 'Bình')];
  for (const [person, other] of [[people[0], 'Bình'], [people[1], 'Hoa']]) {
    assert.ok(await person.seesMovingVideo(other));
    assert.ok(await person.hears());
    await goesThroughTurn(person);
    figure('joined to connected through TURN', `${Date.now() - person.joinedAt} ms`);
  }
  for (const person of people) await person.close();
});

test('people_meet_through_turn_over_tls', { timeout: 120000 }, async () => {
  const port = HTTPS_PORT + 1;
  const at = await Server.start({
    wrap: machines.server.wrap,
    args: ['--https', `${WEB}:${port}`, '--media-address', MEDIA, '--turn-uri', TURNS, '--turn-secret-file', secretFile],
  });
  const by = trusting = await machines.hall.browser(`--ignore-certificate-errors-spki-list=${certificate.pin}`);
  const meeting = at.createMeeting();
  const people = [await meet(meeting, 'Hoa', { by, at, port }), await meet(meeting, 'Bình', { by, at, port })];
  for (const [person, other] of [[people[0], 'Bình'], [people[1], 'Hoa']]) {
    assert.ok(await person.seesMovingVideo(other));
    assert.ok(await person.hears());
    await goesThroughTurn(person, 'tls', TURNS);
    figure('joined to connected through TURN over TLS', `${Date.now() - person.joinedAt} ms`);
  }
  assert.equal(await at.stop(), 0);
});

test('people_come_back_when_the_turn_server_has_been_away', { timeout: 180000 }, async () => {
  const meeting = server.createMeeting();
  const people = [await meet(meeting, 'Hoa'), await meet(meeting, 'Bình')];
  assert.ok(await people[0].seesMovingVideo('Bình'));
  assert.ok(await people[1].seesMovingVideo('Hoa'));
  const pairs = await Promise.all(people.map((person) => goesThroughTurn(person)));
  coturn.child.kill('SIGKILL');
  await until(() => !machines.server.reaches(WEB, TURN_PORT), 'the end of coturn');
  coturn = await startCoturn(machines.server);
  const since = Date.now();
  for (const [i, person] of people.entries()) {
    await until(async () => ![undefined, pairs[i]].includes((await way(person)).pair), 'another way', 60000);
    const frames = await person.framesDecoded();
    await until(async () => (await person.framesDecoded()) > frames + 10, 'more pictures', 30000);
    await goesThroughTurn(person);
    figure('seen again after the TURN server was away', `${Date.now() - since} ms`);
  }
  for (const person of people) await person.close();
});

test('whip_and_whep_go_through_the_turn_servers_of_their_links', { timeout: 120000 }, async () => {
  const meeting = server.createMeeting();
  const token = server.token(meeting.id, 'presenter');
  const open = async (verb, url) => {
    const page = await whipPage(browser, `https://${WEB}:${HTTPS_PORT}/`, { ignoreHTTPSErrors: true });
    const it = await page.evaluateHandle(([to, bearer]) => new window.Whip(to, bearer), [url, token]);
    const servers = await it.evaluate((whip) => whip.configure());
    assert.deepEqual(servers.map((s) => s.urls), [TURN]);
    await it.evaluate((whip, name) => whip[name](), verb);
    return { it, stats: () => it.evaluate((whip) => whip.stats()) };
  };
  const base = `https://${WEB}:${HTTPS_PORT}`;
  const publisher = await open('publish', `${base}/whip/${meeting.id}?id=hall`);
  const player = await open('play', `${base}/whep/${meeting.id}?publishers=hall`);
  await until(async () => (await player.stats()).frames > 10, 'pictures');
  for (const client of [publisher, player]) {
    await client.it.evaluate((whip) => whip.restart());
    await until(async () => {
      const stats = await client.stats();
      return stats.ufrag === stats.offered && stats.connection === 'connected';
    }, 'the new ICE session');
    const { local, relayProtocol, frames } = { ...(await client.stats()), frames: (await player.stats()).frames };
    assert.deepEqual([local, relayProtocol], ['relay', 'tcp']);
    await until(async () => (await player.stats()).frames > frames + 10, 'more pictures');
  }
  for (const client of [player, publisher]) assert.equal(await client.it.evaluate((whip) => whip.end()), 200);
});

/** Coturn's own client asks for a way to the peer, with credentials good for so many seconds: 'open', 'no
 * allocation', or the number of the error. */
async function askForWay(seconds, peer) {
  const username = `${Math.floor(Date.now() / 1000) + seconds}:p1`;
  const password = createHmac('sha1', SECRET).update(username).digest('base64');
  const words = ['stdbuf', '-oL', 'turnutils_uclient', '-t', '-c', '-v', '-u', username, '-w', password, '-p', String(TURN_PORT), '-e', peer, '-r', '9', WEB];
  const child = spawn(machines.hall.wrap[0], [...machines.hall.wrap.slice(1), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const found = () => /success: 0x|error (\d+)/.exec(said);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { said += data; });
  try {
    await until(() => found() || child.exitCode !== null, 'an answer of coturn');
    if (found()) return found()[1] ?? 'open';
    return said.includes('Received relay addr') ? said : 'no allocation';
  } finally {
    child.kill('SIGKILL');
  }
}

test('turn_is_for_good_credentials_and_leads_to_the_media_address_only', { timeout: 60000 }, async () => {
  assert.equal(await askForWay(60, MEDIA), 'open');
  assert.equal(await askForWay(-1, MEDIA), 'no allocation');
  assert.equal(await askForWay(60, WEB), '403');
});

test('neither_server_logs_the_secret', async () => {
  assert.ok(coturn.log.some((line) => line.includes('ALLOCATE processed, success')), coturn.log.slice(-20).join('\n'));
  assert.equal(await server.stop(), 0);
  assert.ok(!server.log.join('\n').includes(SECRET));
});
