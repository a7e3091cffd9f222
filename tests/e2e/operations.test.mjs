// SPDX-License-Identifier: Apache-2.0
// What an operator and an attacker meet: the command line, the limits, the counters.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { figure, freePort, root, Server, temporaryFolder, until } from './harness.mjs';

const binary = path.join(root, 'build/dinh');
let server;
before(async () => {
  const metrics = await freePort();
  server = await Server.start({ args: ['--metrics', `127.0.0.1:${metrics}`, '--https', `127.0.0.1:${await freePort()}`] });
  server.metricsPort = metrics;
});
after(() => server?.stop());

function memoryKb(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

test('idle_server_is_small', () => {
  figure('resident memory of an idle server', `${(memoryKb(server.child.pid) / 1024).toFixed(1)} MB`);
});

test('wrong_start_ends_with_one_clear_line', () => {
  const file = path.join(temporaryFolder(), 'a-file');
  writeFileSync(file, '');
  for (const [args, says] of [
    [['--htpp', 'x'], /htpp/],
    [['--http', `127.0.0.1:${server.port}`], /in use/],
    [['--data', file], /a-file/],
    [['--media-port', '99999'], /media-port/],
    [['--media-address', 'not-an-address'], /media-address|not-an-address/],
    [['--media-address', '192.0.2.1', '--media-address', '0.0.0.0'], /0\.0\.0\.0/],
    [['--cert', '/nonexistent.pem'], /key|cert|nonexistent/],
  ]) {
    const { status, stderr, stdout } = spawnSync(binary, ['serve', '--data', temporaryFolder(), '--http', '127.0.0.1:0', '--media-port', '0', ...args], { encoding: 'utf8', timeout: 20000 });
    assert.ok(status > 0, `${args.join(' ')}: exit ${status} ${stdout}`);
    const lines = stderr.trim().split('\n');
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0], says);
  }
});

test('every_answer_has_the_security_headers', async () => {
  for (const url of ['/', '/nothing-here', '/healthz', '/readyz', '/api/v1/session', '/api/v1/documents/x/pdf', '/assets/../../etc/passwd']) {
    const { headers } = await fetch(server.base + url);
    assert.match(headers.get('content-security-policy') ?? '', /frame-ancestors 'none'|sandbox/, url);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', url);
    assert.equal(headers.get('referrer-policy'), 'no-referrer', url);
  }
});

test('https_with_a_self_made_certificate_and_http_1_1_only', async () => {
  const port = Number(server.args[3].split(':')[1]);
  const { status, protocol } = await new Promise((resolve, reject) => {
    const request = https.get({ host: '127.0.0.1', port, path: '/healthz', rejectUnauthorized: false, ALPNProtocols: ['h2', 'http/1.1'] }, (response) => {
      response.resume();
      resolve({ status: response.statusCode, protocol: response.socket.alpnProtocol });
    });
    request.on('error', reject);
  });
  assert.equal(status, 200);
  assert.equal(protocol, 'http/1.1');
  assert.equal(server.child.kill('SIGHUP'), true);
  assert.equal((await fetch(`${server.base}/healthz`)).status, 200);
});

test('metrics_need_a_token_on_the_public_port', async () => {
  assert.equal((await fetch(`${server.base}/metrics`)).status, 401);
  assert.equal((await fetch(`http://127.0.0.1:${server.metricsPort}/metrics`)).status, 200);
});

test('garbage_datagrams_are_counted_and_logged_once_per_kind', async () => {
  const socket = createSocket('udp4');
  const send = (data) => new Promise((resolve) => socket.send(data, server.mediaPort, '127.0.0.1', resolve));
  const kinds = [
    Buffer.from('000100002112a442aabbccddeeff001122334455', 'hex'), // STUN without integrity
    Buffer.from('000100802112a442aabb', 'hex'), // cut STUN
    Buffer.from('16fefd0000000000000000000c01', 'hex'), // cut DTLS
    Buffer.from('806f00010000000000000001', 'hex'), // RTP from nowhere
    Buffer.alloc(4000, 0xff), // oversized
    Buffer.alloc(0),
    Buffer.from('nonsense'),
  ];
  const before = server.log.length;
  for (let i = 0; i < 300; i++) for (const kind of kinds) await send(kind);
  socket.close();
  await until(async () => (await server.metrics('dinh_stun_bad_total')) > 0, 'stun_bad to count');
  await until(async () => (await server.metrics('dinh_unknown_source_total')) > 0, 'unknown_source to count');
  assert.equal((await fetch(`${server.base}/readyz`)).status, 200);
  const said = server.log.length - before;
  assert.ok(said > 0 && said < 60, `${said} lines in the log`);
});

test('10000_silent_sockets_do_not_stop_it', { timeout: 120000 }, async () => {
  const sockets = [];
  let refused = 0;
  for (let i = 0; i < 10000; i++) {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => refused++);
    sockets.push(socket);
    if (i % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const from = Date.now();
  const answer = await fetch(`${server.base}/healthz`).then((r) => r.status, () => 0);
  figure('healthz beside 10,000 silent sockets', `${answer} after ${Date.now() - from} ms, ${refused} refused`);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await fetch(`${server.base}/healthz`).then((r) => r.status, () => 0)) === 200, 'healthz', 30000);
});
