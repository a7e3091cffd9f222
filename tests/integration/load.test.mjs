// SPDX-License-Identifier: Apache-2.0
// `dinh load` against a real server. Usage: node load.test.mjs DINH
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import https from 'node:https';
import test, { after, before } from 'node:test';
import { Client, Server } from './dinh.mjs';

const DINH = process.argv[2];
const server = new Server();
before(() => server.start());
after(() => server.stop());

/** Its exit code, standard output and error. */
async function load(...words) {
  const child = spawn(DINH, ['load', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', error = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => { error += data; });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, out, error };
}

function target(role = 'presenter') {
  const meeting = server.meeting();
  return ['--url', server.base, '--meeting', meeting, '--token', server.token(meeting, role)];
}

async function measure(...words) {
  const { code, out, error } = await load(...words, '--duration', '2', '--join-seconds', '0', '--json');
  assert.equal(code, 0, error);
  return JSON.parse(out);
}

function isWhole(media, what) {
  assert.ok(media.received > 0, what);
  assert.equal(media.lost, 0, what);
  for (const fault of ['corrupted', 'duplicates', 'reordered']) assert.equal(media[fault], 0, `${what}: ${fault}`);
}

test('two_publishers_reach_five_subscribers_whole', async () => {
  // Within what an unknown line is trusted with: more would come after a second of probing.
  const result = await measure(...target(), '--publishers', '2', '--subscribers', '5', '--video-kbps', '150', '--server-pid', String(server.child.pid));
  assert.deepEqual([result.publishers.ok, result.publishers.failed], [2, 0]);
  assert.deepEqual([result.subscribers.ok, result.subscribers.failed], [5, 0]);
  isWhole(result.sound, 'sound');
  isWhole(result.picture, 'picture');
  // What was under way when the measured stretch began was sent before it.
  assert.ok(Math.abs(result.sound.expected / 5 - result.sound.sent) < 20, `${result.sound.sent} sent, ${result.sound.expected} expected`);
  assert.ok(result.server.cpu_percent > 0 && result.server.resident_kb > 0);
  console.log(`figure: latency of sound p99 ${result.sound.latency_ms.p99} ms, ${result.server.us_per_packet} us a packet`);
});

test('a_load_that_was_never_reached_is_not_held_well', async () => {
  const meeting = server.meeting();
  const chair = await Client.open(server, await server.session(meeting, 'chair'));
  await chair.join('Chủ tọa');
  const run = load('--url', server.base, '--meeting', meeting, '--token', server.token(meeting, 'presenter'),
    '--publishers', '1', '--subscribers', '2', '--video-kbps', '150', '--duration', '4', '--join-seconds', '0', '--json');
  // A host switches the camera off: from then on nothing is lost, and nobody sees anything.
  const { participant } = await chair.until((message) => message.type === 'changed' && message.camera === true);
  await chair.must('mute', { participant, kind: 'camera' });
  const { code, out, error } = await run;
  assert.equal(code, 0, error);
  const { subscribers, loss, limit } = JSON.parse(out);
  assert.equal(loss, 0);
  assert.deepEqual([subscribers.without_picture, subscribers.without_sound], [2, 0]);
  assert.ok(['narrow', 'crowded'].includes(limit), limit); // beside other tests the machine is busy
  await chair.close();
});

test('a_viewer_with_a_small_picture_gets_a_small_layer', async () => {
  const words = ['--publishers', '1', '--subscribers', '2', '--simulcast', '--watch', '1', '--no-feedback'];
  const [large, small] = [await measure(...target(), ...words), await measure(...target(), ...words, '--height', '180')];
  isWhole(small.picture, 'picture');
  assert.ok(small.picture.received * 4 < large.picture.received, `${small.picture.received} of ${large.picture.received}`);
});

test('when_no_publisher_gets_in_it_ends_at_once_with_the_reason', async () => {
  const [url, base, meeting, id] = target();
  for (const [words, reason] of [
    [[url, 'http://127.0.0.1:1', meeting, id, '--token', 'any'], /Connection refused/],
    [[url, base, meeting, id, '--token', 'any'], /401.*token-invalid/],
    [target('observer'), /403/],
  ]) {
    const { code, out, error } = await load(...words, '--duration', '60');
    assert.equal(code, 1);
    assert.equal(out, '');
    assert.match(error, reason);
    assert.equal(error.trim().split('\n').length, 1);
  }
});

async function metric(server, name) {
  return Number(new RegExp(`^dinh_${name} (\\d+)$`, 'm').exec(await (await fetch(`${server.metricsBase}/metrics`)).text())[1]);
}

async function counts(server, name, n) {
  while (await metric(server, name) < n) await new Promise((resolve) => setImmediate(resolve));
}

/** What is said of a server that gets this signal once a publisher and three viewers are in. */
async function measureMortal(signal) {
  const mortal = new Server();
  await mortal.start();
  const meeting = mortal.meeting();
  const run = load('--url', mortal.base, '--meeting', meeting, '--token', mortal.token(meeting, 'presenter'),
    '--publishers', '1', '--subscribers', '3', '--video-kbps', '150', '--duration', '3', '--join-seconds', '0', '--json',
    '--server-pid', String(mortal.child.pid));
  await counts(mortal, 'media_peers', 4);
  mortal.child.kill(signal);
  const { code, out, error } = await run;
  await mortal.kill();
  fs.rmSync(mortal.data, { recursive: true, force: true });
  assert.equal(code, 0, error);
  return JSON.parse(out);
}

test('a_server_that_dies_is_found_and_not_the_generator', async () => {
  const result = await measureMortal('SIGKILL');
  assert.equal(result.limit, 'dead', result.verdict_en);
  assert.equal(result.server, null);
  assert.deepEqual([result.publishers.lost + result.publishers.failed, result.subscribers.lost + result.subscribers.failed], [1, 3]);
});

test('a_server_that_hangs_is_as_good_as_dead', async () => {
  const result = await measureMortal('SIGSTOP');
  assert.equal(result.limit, 'dead', result.verdict_en);
});

test('a_server_that_sends_everybody_away_is_not_dead', async () => {
  const meeting = server.meeting();
  const chair = await Client.open(server, await server.session(meeting, 'chair'));
  await chair.join('Chủ tọa');
  const before = await metric(server, 'rtp_in_total');
  const run = load('--url', server.base, '--meeting', meeting, '--token', server.token(meeting, 'presenter'),
    '--publishers', '1', '--subscribers', '0', '--video-kbps', '150', '--duration', '3', '--join-seconds', '0', '--json');
  const { participant } = await chair.until((message) => message.type === 'changed' && message.camera === true);
  await counts(server, 'rtp_in_total', before + 1);
  await chair.must('remove', { participant });
  const { code, out, error } = await run;
  assert.equal(code, 0, error);
  assert.notEqual(JSON.parse(out).limit, 'dead'); // nobody hears anything, but the server answers
  await chair.close();
});

test('a_certificate_that_is_not_trusted_is_named', async () => {
  const pem = execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', '-'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const stranger = https.createServer({ key: pem, cert: pem }, (request, response) => response.writeHead(404).end('?'));
  await new Promise((resolve) => stranger.listen(0, '127.0.0.1', resolve));
  const words = [...target(), '--url', `https://127.0.0.1:${stranger.address().port}`, '--duration', '2'];
  const trusting = await load(...words, '--insecure');
  const wary = await load(...words);
  stranger.close();
  assert.match(trusting.out + trusting.error, /the server answered 404/);
  assert.match(wary.out + wary.error, /its certificate is not trusted \(--insecure takes any\)/);
});

test('without_gro_and_pacing_it_measures_the_same', async () => {
  const result = await measure(...target(), '--publishers', '1', '--subscribers', '3', '--gro', 'off', '--pacing-percent', '0', '--no-feedback');
  isWhole(result.sound, 'sound');
  isWhole(result.picture, 'picture');
  assert.equal(result.generator.feedback, false);
});

test('wrong_words_are_refused', async () => {
  for (const words of [[], ['--url', 'ftp://x', '--meeting', 'm', '--token', 't'], [...target(), '--gro', 'perhaps']]) {
    const { code, error } = await load(...words);
    assert.notEqual(code, 0);
    assert.match(error, /^dinh: \S.*\n$/);
  }
});
