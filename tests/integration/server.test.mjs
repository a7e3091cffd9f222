// SPDX-License-Identifier: Apache-2.0
// The HTTP and WebSocket server over real sockets. Usage: node server.test.mjs SERVER_HOST
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';

const HOST_PROGRAM = process.env.SERVER_HOST ?? process.argv[2];
const MB = 1 << 20;
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dinh-server-'));
const webDir = path.join(root, 'web');
const filesDir = path.join(root, 'files');
const data = crypto.randomBytes(3 * MB + 17);
process.on('exit', () => fs.rmSync(root, { recursive: true, force: true }));

fs.mkdirSync(path.join(webDir, 'assets'), { recursive: true });
fs.mkdirSync(filesDir);
fs.writeFileSync(path.join(webDir, 'index.html'), '<!doctype html><title>x</title>');
fs.writeFileSync(path.join(webDir, 'assets', 'app-1a2b.js'), 'plain');
fs.writeFileSync(path.join(webDir, 'assets', 'app-1a2b.js.br'), 'brotli');
fs.writeFileSync(path.join(webDir, 'assets', 'app-1a2b.js.gz'), 'gzip');
fs.writeFileSync(path.join(root, 'secret'), 'secret');
fs.writeFileSync(path.join(filesDir, 'data'), data);
for (const name of ['a', 'b']) {
  fs.mkdirSync(path.join(root, name));
  assert.equal(spawnSync(HOST_PROGRAM, [path.join(root, name)]).status, 0);
}
const pem = (name, part) => path.join(root, name, `tls-${part}.pem`);
const cert = path.join(root, 'cert.pem');
const key = path.join(root, 'key.pem');
const useCertificate = (name) => {
  fs.copyFileSync(pem(name, 'cert'), cert);
  fs.copyFileSync(pem(name, 'key'), key);
};
useCertificate('a');

const children = new Set();

/** Starts a server; resolves with its ports, or with what it said on stderr. */
async function start({ max = 0, trusted = '-', http: at = '127.0.0.1:0' } = {}) {
  const args = [at, '127.0.0.1:0', '127.0.0.1:0', cert, key, webDir, filesDir, String(max), trusted];
  const child = spawn(HOST_PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const host = { child, out: '', err: '' };
  children.add(child);
  child.stdout.on('data', (d) => { host.out += d; });
  child.stderr.on('data', (d) => { host.err += d; });
  host.ended = new Promise((resolve) => child.on('close', (code) => {
    children.delete(child);
    if (/Sanitizer|runtime error/.test(host.err)) console.error(host.err);
    resolve(code);
  }));
  host.says = async (word) => {
    while (!host.out.includes(word)) {
      if (await Promise.race([host.ended.then(() => true), once(child.stdout, 'data')]) === true) break;
    }
    return host.out;
  };
  host.stop = async () => {
    child.kill('SIGTERM');
    assert.equal(await host.ended, 0, host.err);
    assert.match(host.out, /ended open=0 ws=0/);
  };
  await host.says('ready');
  const ports = /ready (\d+) (\d+) (\d+)/.exec(host.out);
  if (ports) [host.port, host.tlsPort, host.metricsPort] = ports.slice(1).map(Number);
  return host;
}

const once = (emitter, event) => new Promise((resolve) => emitter.once(event, resolve));

/** Sends bytes and resolves with all that comes back until the connection ends. */
function raw(port, text, { half = false } = {}) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => (half ? socket.end(text) : socket.write(text)));
    let answer = '';
    socket.on('data', (d) => { answer += d.toString('latin1'); });
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

/** A whole request with node's client. */
function ask(host, target, { method = 'GET', headers = {}, body, agent, secure = false, port } = {}) {
  return new Promise((resolve, reject) => {
    const request = (secure ? https : http).request({
      host: '127.0.0.1', port: port ?? (secure ? host.tlsPort : host.port), path: target, method, headers,
      agent: agent ?? false, rejectUnauthorized: false,
    }, (response) => {
      const parts = [];
      response.on('data', (d) => parts.push(d));
      response.on('error', reject);
      response.on('end', () => resolve({
        status: response.statusCode, headers: response.headers, body: Buffer.concat(parts),
        text: Buffer.concat(parts).toString(),
      }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const counters = async (host) => JSON.parse((await ask(host, '/counters')).text);

async function until(condition, what, ms = 20000) {
  const deadline = Date.now() + ms;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A WebSocket client small enough to break the rules with. */
async function openWs(host, { target = '/ws', secure = false, onText = () => {} } = {}) {
  const socket = secure
    ? tls.connect({ port: host.tlsPort, host: '127.0.0.1', rejectUnauthorized: false })
    : net.connect(host.port, '127.0.0.1');
  const ws = { socket, head: '', closed: null, pings: 0 };
  let buffer = Buffer.alloc(0);
  let upgraded;
  ws.open = new Promise((resolve) => { upgraded = resolve; });
  ws.over = new Promise((resolve) => socket.on('close', resolve));
  ws.frame = (op, payload, { fin = true, mask = true } = {}) => {
    const bytes = Buffer.from(payload);
    const n = bytes.length;
    const head = n < 126 ? Buffer.from([0, n]) : n < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
    head[0] = (fin ? 0x80 : 0) | op;
    if (n >= 126 && n < 65536) { head[1] = 126; head.writeUInt16BE(n, 2); }
    if (n >= 65536) { head[1] = 127; head.writeBigUInt64BE(BigInt(n), 2); }
    if (!mask) return Buffer.concat([head, bytes]);
    head[1] |= 0x80;
    const keyBytes = crypto.randomBytes(4);
    return Buffer.concat([head, keyBytes, bytes.map((b, i) => b ^ keyBytes[i & 3])]);
  };
  ws.send = (text) => socket.write(ws.frame(1, text));
  const read = () => {
    for (;;) {
      if (buffer.length < 2) return;
      const short = buffer[1] & 0x7f;
      const at = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (buffer.length < at) return;
      const n = short < 126 ? short : short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2));
      if (buffer.length < at + n) return;
      const op = buffer[0] & 15;
      const payload = buffer.subarray(at, at + n);
      buffer = buffer.subarray(at + n);
      if (op === 1) onText(payload.toString());
      if (op === 9) ws.pings++;
      if (op === 10) ws.pong = payload.toString();
      if (op === 8) ws.closed = { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
    }
  };
  socket.on('error', () => {});
  socket.on('data', (d) => {
    buffer = buffer.length ? Buffer.concat([buffer, d]) : d;
    if (ws.head) return read();
    const end = buffer.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    ws.head = buffer.subarray(0, end).toString('latin1');
    buffer = buffer.subarray(end + 4);
    upgraded();
    return read();
  });
  ws.key = crypto.randomBytes(16).toString('base64');
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n`
    + `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${ws.key}\r\n\r\n`);
  await Promise.race([ws.open, ws.over]);
  return ws;
}

/** CPU time the server has used, in 1/100 s. */
function cpuTicks({ child }) {
  const fields = fs.readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function assertSecure(headers, what) {
  assert.match(headers['content-security-policy'] ?? '', /frame-ancestors 'none'/, what);
  assert.equal(headers['x-content-type-options'], 'nosniff', what);
  assert.equal(headers['referrer-policy'], 'no-referrer', what);
}

const host = await start();

// A laptop that was closed: it neither reads nor answers pings, and sends no FIN.
const deadPeer = await start();
const deadWs = await openWs(deadPeer);
deadWs.socket.pause();
const idleWs = await openWs(deadPeer); // answers pings, says nothing else
idleWs.socket.on('data', () => { if (idleWs.pings > (idleWs.ponged ?? 0)) { idleWs.ponged = idleWs.pings; idleWs.socket.write(idleWs.frame(10, '')); } });
const deadSince = Date.now();

test('pages and assets of the web client', async () => {
  for (const page of ['/', '/m/abc', '/index.html']) {
    const answer = await ask(host, page);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.match(answer.headers['content-type'], /text\/html/);
    assert.equal((await ask(host, page, { headers: { 'If-None-Match': answer.headers.etag } })).status, 304);
  }
  const asset = '/assets/app-1a2b.js';
  for (const [accept, body, coding] of [['gzip, br', 'brotli', 'br'], ['gzip', 'gzip', 'gzip'],
    ['br;q=0', 'plain', undefined], ['', 'plain', undefined]]) {
    const answer = await ask(host, asset, { headers: { 'Accept-Encoding': accept } });
    assert.equal(answer.text, body);
    assert.equal(answer.headers['content-encoding'], coding);
    assert.match(answer.headers['cache-control'], /immutable/);
    assert.equal(answer.headers.vary, 'Accept-Encoding');
  }
  assert.equal((await ask(host, '/m/a/b')).status, 404);
  assert.equal((await ask(host, '/assets/app-1a2b.js.br')).status, 404);
});

test('a new build of the client is served without a restart', async () => {
  fs.writeFileSync(path.join(webDir, 'assets', 'app-2.js'), 'new');
  fs.writeFileSync(path.join(webDir, 'index.html'), '<!doctype html><title>y</title>');
  assert.match((await ask(host, '/')).text, /<title>y/);
  assert.equal((await ask(host, '/assets/app-2.js')).text, 'new');
});

test('no path leaves the folders', async () => {
  for (const target of ['/../secret', '/%2e%2e/secret', '/assets/..%2f..%2fsecret', '/..%5csecret',
    '/assets/../../secret', '//../secret', '/%00', '/%zz', '/%c0%ae%c0%ae/secret', '/./x']) {
    const answer = await raw(host.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 (400|404) /, target);
    assert.doesNotMatch(answer, /secret/);
  }
});

test('ranges, tags and HEAD', async () => {
  const whole = await ask(host, '/files/data');
  assert.equal(whole.status, 200);
  assert.ok(whole.body.equals(data));
  assert.match(whole.headers['content-security-policy'], /^sandbox; default-src 'none'/);
  assert.equal(whole.headers['content-disposition'],
    'attachment; filename="B_o c_o _qu__ 1.bin"; filename*=UTF-8\'\'B%C3%A1o%20c%C3%A1o%20_qu%C3%BD_%201.bin');
  for (const [range, from, to] of [['bytes=0-0', 0, 1], ['bytes=100-', 100, data.length], ['bytes=-5', -5, undefined],
    ['bytes=10-99999999999999999999', 10, data.length]]) {
    const part = await ask(host, '/files/data', { headers: { Range: range } });
    assert.equal(part.status, 206, range);
    assert.ok(part.body.equals(data.subarray(from, to)), range);
    assert.match(part.headers['content-range'], new RegExp(`^bytes \\d+-\\d+/${data.length}$`));
  }
  const outside = await ask(host, '/files/data', { headers: { Range: `bytes=${data.length}-` } });
  assert.equal(outside.status, 416);
  assert.equal(outside.headers['content-range'], `bytes */${data.length}`);
  for (const headers of [{ Range: 'bytes=0-1,4-5' }, { Range: 'lines=1-2' }, { Range: 'bytes=0-1', 'If-Range': '"old"' }]) {
    assert.equal((await ask(host, '/files/data', { headers })).status, 200);
  }
  assert.equal((await ask(host, '/files/data', { headers: { Range: 'bytes=0-1', 'If-Range': '"v1"' } })).status, 206);
  assert.equal((await ask(host, '/files/data', { headers: { 'If-None-Match': 'W/"v1", "z"' } })).status, 304);
  const head = await ask(host, '/files/data', { method: 'HEAD' });
  assert.equal(head.headers['content-length'], String(data.length));
  assert.equal(head.body.length, 0);
  assert.equal((await ask(host, '/files/none')).status, 404);
});

test('the handler sees the request as it was sent', async () => {
  const about = await ask(host, '/about/h%E1%BB%8Dp?x=1&q=a%26b+c&q=2',
    { headers: { Cookie: 'b=1; c=v=al', Origin: 'http://o', 'X-Forwarded-For': '1.2.3.4', 'X-Forwarded-Proto': 'https' } });
  assert.equal(about.text, '0|/about/họp|a&b c|v=al|127.0.0.1|0|0|0|http://o');
  assert.match((await ask(host, '/about', { secure: true })).text, /\|127\.0\.0\.1\|1\|0\|/);
  assert.match((await ask(host, '/about', { port: host.metricsPort })).text, /\|0\|1\|/);
  assert.equal((await ask(host, '/', { port: host.metricsPort })).status, 404);
  for (const [i, method] of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].entries()) {
    const answer = await ask(host, '/about', { method, body: method === 'POST' ? 'xyz' : undefined });
    if (method !== 'HEAD') assert.match(answer.text, new RegExp(`^${i}\\|`));
  }
  assert.equal((await ask(host, '/thing', { method: 'DELETE' })).status, 204);
});

test('behind a trusted proxy the client is the rightmost untrusted address', async () => {
  const proxied = await start({ trusted: '127.0.0.0/8' });
  const headers = { 'X-Forwarded-For': '6.6.6.6, 9.8.7.6, 127.0.0.2', 'X-Forwarded-Proto': 'https' };
  assert.match((await ask(proxied, '/about', { headers })).text, /\|9\.8\.7\.6\|1\|0\|/);
  await proxied.stop();
});

test('bodies: gathered, chunked, too big, with Expect', async () => {
  const body = crypto.randomBytes(300000).toString('hex').slice(0, 500000);
  assert.equal((await ask(host, '/echo', { method: 'POST', body })).text, body);
  const chunked = await ask(host, '/echo', { method: 'POST', body, headers: { 'Transfer-Encoding': 'chunked' } });
  assert.equal(chunked.text, body);
  for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
    assert.equal((await ask(host, '/echo', { method: 'POST', body: Buffer.alloc(600 * 1024), headers })).status, 413);
  }
  const expect = await raw(host.port, 'POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n'
    + 'Connection: close\r\n\r\nok');
  assert.match(expect, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  assert.match(await raw(host.port, 'POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'), /^HTTP\/1\.1 200 /);
});

test('uploads stream, fast', async () => {
  const big = Buffer.alloc(200 * MB, 'x');
  for (const secure of [false, true]) {
    const from = performance.now();
    const answer = await ask(host, '/upload', { method: 'PUT', body: big, secure });
    const ms = performance.now() - from;
    assert.equal(answer.text, String(big.length));
    console.log(`# upload of 200 MB${secure ? ' over TLS' : ''}: ${(200 / ms * 1000).toFixed(0)} MB/s`);
  }
  fs.writeFileSync(path.join(filesDir, 'big'), big);
  for (const secure of [false, true]) {
    const from = performance.now();
    const answer = await ask(host, '/files/big', { secure });
    assert.equal(answer.body.length, big.length);
    console.log(`# download of 200 MB${secure ? ' over TLS' : ''}: ${(200 / (performance.now() - from) * 1000).toFixed(0)} MB/s`);
  }
  fs.rmSync(path.join(filesDir, 'big'));
});

test('a refused upload gets its reply', async () => {
  for (const secure of [false, true]) {
    for (const [target, status] of [['/refuse', 403], ['/stop', 507]]) {
      const answer = await ask(host, target, { method: 'PUT', body: Buffer.alloc(40 * MB), secure });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.connection, 'close');
    }
  }
});

test('keep-alive: a hundred requests on one connection', async () => {
  for (const secure of [false, true]) {
    const agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set();
    agent.on('free', (socket) => ports.add(socket.localPort));
    for (let i = 0; i < 100; i++) {
      assert.equal((await ask(host, '/echo', { method: 'POST', body: `n${i}`, agent, secure })).text, `n${i}`);
    }
    assert.equal(ports.size, 1);
    agent.destroy();
  }
});

test('pipelined requests are answered in order, without spinning', async () => {
  const requests = Array.from({ length: 20 }, (_, i) => `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n${100 + i}`);
  const answer = await raw(host.port, `${requests.join('')}GET /late HTTP/1.1\r\nHost: x\r\n\r\n`
    + 'GET /about HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const bodies = [...answer.matchAll(/\r\n\r\n(\d{3})/g)].map((m) => m[1]);
  assert.deepEqual(bodies, Array.from({ length: 20 }, (_, i) => String(100 + i)));
  assert.match(answer, /late.*\/about/s);
  const socket = net.connect(host.port, '127.0.0.1');
  const before = cpuTicks(host);
  socket.write('GET /late HTTP/1.1\r\nHost: x\r\n\r\nGET /late HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'data');
  assert.ok(cpuTicks(host) - before < 10, 'waiting for an answer costs no CPU');
  socket.destroy();
});

test('a client that goes away while its answer is made', async () => {
  const socket = net.connect(host.port, '127.0.0.1');
  socket.write('GET /late HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(socket, 'connect');
  socket.destroy();
  const upload = net.connect(host.port, '127.0.0.1');
  upload.write('PUT /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
  await once(upload, 'connect');
  upload.destroy();
  await until(async () => (await counters(host)).open === 1, 'requests to be closed');
});

test('bad requests get 4xx or 5xx and the connection ends', async () => {
  const cases = [
    ['GET / HTTP/2.0\r\nHost: x\r\n\r\n', 505],
    ['GET /\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
    ['POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 400],
    ['BREW / HTTP/1.1\r\nHost: x\r\n\r\n', 501],
    ['GET * HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20000)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(200)}\r\n`, 431],
    [`GET /${'a'.repeat(20000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
  ];
  for (const [request, status] of cases) {
    const answer = await raw(host.port, Buffer.from(request, 'latin1'));
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `), request.slice(0, 60));
    assert.match(answer, /content-security-policy: .*frame-ancestors 'none'/i);
    assert.match(answer, /\r\nConnection: close\r\n/);
  }
});

test('security headers are on every kind of answer', async () => {
  const kinds = [['/'], ['/assets/app-1a2b.js'], ['/files/data'], ['/files/none'], ['/nothing'], ['/ws'],
    ['/counters'], ['/refuse'], ['/files/data', { headers: { Range: 'bytes=999999999-' } }],
    ['/files/data', { headers: { 'If-None-Match': '"v1"' } }], ['/x', { method: 'OPTIONS' }],
    ['/echo', { method: 'POST', body: Buffer.alloc(600 * 1024) }]];
  for (const secure of [false, true]) {
    for (const [target, options] of kinds) {
      const answer = await ask(host, target, { ...options, secure });
      assertSecure(answer.headers, `${target} ${answer.status}`);
      assert.equal(answer.headers['strict-transport-security'], undefined, 'self-signed: no HSTS');
    }
  }
});

test('WebSocket: echo, fragments, ping, close', async () => {
  for (const secure of [false, true]) {
    const texts = [];
    const ws = await openWs(host, { secure, onText: (t) => texts.push(t) });
    assert.match(ws.head, /^HTTP\/1\.1 101 /);
    const expected = crypto.createHash('sha1').update(`${ws.key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    assert.ok(ws.head.includes(`Sec-WebSocket-Accept: ${expected}`));
    const sent = ['xin chào', '', 'a'.repeat(126), 'b'.repeat(70000), 'c'.repeat(300 * 1024)];
    for (const text of sent) ws.send(text);
    ws.socket.write(Buffer.concat([ws.frame(1, 'fra', { fin: false }), ws.frame(9, 'p'), ws.frame(0, 'gment')]));
    await until(() => texts.length === sent.length + 1, 'echoes');
    assert.deepEqual(texts, [...sent, 'fragment']);
    assert.equal(ws.pong, 'p');
    for (const byte of ws.frame(1, 'drip')) ws.socket.write(Buffer.from([byte]));
    await until(() => texts.at(-1) === 'drip', 'a frame in single bytes');
    ws.send('close');
    await ws.over;
    assert.deepEqual(ws.closed, { code: 4001, reason: 'tạm biệt' });
  }
});

test('WebSocket: what breaks the rules is closed with its code', async () => {
  const cases = [
    [1002, (ws) => ws.frame(1, 'x', { mask: false })],
    [1002, (ws) => ws.frame(0, 'x')],
    [1002, (ws) => ws.frame(3, 'x')],
    [1002, (ws) => ws.frame(9, 'x', { fin: false })],
    [1002, (ws) => Buffer.concat([ws.frame(1, 'x', { fin: false }), ws.frame(1, 'y')])],
    [1002, () => Buffer.from([0x91, 0x80, 0, 0, 0, 0])],
    [1002, (ws) => ws.frame(8, Buffer.from([0x03, 0xed]))],
    [1003, (ws) => ws.frame(2, 'x')],
    [1007, (ws) => ws.frame(1, Buffer.from([0xc3, 0x28]))],
    [1009, (ws) => ws.frame(1, Buffer.alloc(300 * 1024 + 1, 'x'))],
    [1009, () => Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])],
    [1000, (ws) => ws.frame(8, Buffer.from([0x03, 0xe8]))],
    [1000, (ws) => ws.frame(8, '')],
  ];
  for (const [code, make] of cases) {
    const ws = await openWs(host);
    ws.socket.write(make(ws));
    await ws.over;
    assert.equal(ws.closed?.code, code);
  }
  const refused = await openWs(host, { target: '/ws?refuse' });
  assert.match(refused.head, /^HTTP\/1\.1 401 /);
  refused.socket.destroy();
  assert.equal((await ask(host, '/ws')).status, 426);
  await until(async () => (await counters(host)).registered === 0, 'WebSockets to be closed');
});

test('a broadcast reaches 1,000 sockets from one buffer', async () => {
  let received = 0;
  const sockets = await Promise.all(Array.from({ length: 1000 }, () => openWs(host, { onText: () => { received++; } })));
  const before = await counters(host);
  const from = performance.now();
  for (let i = 0; i < 10; i++) sockets[0].send('all 1000');
  await until(() => received === 10000, 'the broadcast');
  console.log(`# 10 broadcasts to 1,000 sockets: ${(performance.now() - from).toFixed(0)} ms`);
  assert.equal((await counters(host)).texts - before.texts, 10);
  sockets.forEach((ws) => ws.socket.destroy());
  await until(async () => (await counters(host)).ws === 0, 'sockets to be gone');
});

test('a slow reader is closed, the others go on', async () => {
  let received = 0;
  const quick = await openWs(host, { onText: () => { received++; } });
  const slow = await openWs(host);
  slow.socket.pause();
  for (let i = 0; i < 150; i++) {
    quick.send('all 100000');
    await until(() => received > i, 'a broadcast');
  }
  assert.equal((await counters(host)).wsSlow, 1);
  slow.socket.resume();
  await slow.over;
  assert.equal(slow.closed?.code, 1013);
  quick.socket.destroy();
});

test('a client that sends but does not read is held back, at no cost', async () => {
  for (const secure of [false, true]) {
    let echoes = 0;
    const ws = await openWs(host, { secure, onText: () => { echoes++; } });
    ws.socket.pause();
    for (let i = 0; i < 100; i++) ws.send('e'.repeat(300000));
    const second = () => new Promise((resolve) => setTimeout(resolve, 1000));
    await second(); // by now it has stopped reading
    const before = cpuTicks(host);
    await second();
    assert.ok(cpuTicks(host) - before < 10, 'it waits without spinning');
    ws.socket.resume();
    await until(() => echoes === 100, 'all echoes');
    ws.socket.destroy();
  }
  assert.equal((await counters(host)).wsSlow, 1, 'only the one of before');
});

test('TLS: ALPN is http/1.1 only, 1.2 at least, and the certificate can be exchanged', async () => {
  const shake = (options) => new Promise((resolve) => {
    const socket = tls.connect({ port: host.tlsPort, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
      resolve({ alpn: socket.alpnProtocol, version: socket.getProtocol(), print: socket.getPeerCertificate().fingerprint256 });
      socket.destroy();
    });
    socket.on('error', (error) => resolve({ error: error.code }));
  });
  assert.equal((await shake({ ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
  assert.equal((await shake({ ALPNProtocols: ['h2'] })).alpn, false);
  assert.ok((await shake({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })).error);
  assert.equal((await shake({ maxVersion: 'TLSv1.2' })).version, 'TLSv1.2');
  const print = (name) => new crypto.X509Certificate(fs.readFileSync(pem(name, 'cert'))).fingerprint256;
  assert.equal((await shake({ servername: 'other.example' })).print, print('a'));
  const old = await openWs(host, { secure: true });
  useCertificate('b');
  host.child.kill('SIGHUP');
  await host.says('reload 0');
  assert.equal((await shake({})).print, print('b'));
  fs.copyFileSync(pem('a', 'key'), key);
  host.child.kill('SIGHUP');
  await host.says('reload -22');
  assert.equal((await shake({})).print, print('b'));
  old.send('close');
  await old.over;
  assert.equal(old.closed.code, 4001, 'open connections go on');
  useCertificate('a');
  host.child.kill('SIGHUP');
});

test('slow heads and silent sockets are dropped after 10 s', { timeout: 60000 }, async () => {
  const from = Date.now();
  const silent = Array.from({ length: 10000 }, (_, i) => {
    const socket = net.connect(i % 10 ? host.port : host.tlsPort, '127.0.0.1');
    socket.on('error', () => {});
    return socket;
  });
  const ends = silent.map((socket) => new Promise((resolve) => socket.on('close', resolve)));
  const slow = net.connect(host.port, '127.0.0.1');
  slow.on('error', () => {});
  slow.write('GET / HTTP/1.1\r\n');
  const drip = setInterval(() => slow.write('A: b\r\n'), 500).unref();
  const slowEnd = once(slow, 'close');
  await until(async () => (await counters(host)).connections > 9000, 'connections');
  console.log(`# 10,000 silent sockets taken in ${Date.now() - from} ms, resident ${
    /VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${host.child.pid}/status`, 'utf8'))[1]} kB`);
  assert.equal((await ask(host, '/')).status, 200, 'others are served meanwhile');
  await slowEnd;
  clearInterval(drip);
  assert.ok(Date.now() - from < 20000);
  await Promise.all(ends);
  await until(async () => (await counters(host)).connections === 1, 'silent sockets to go');
});

test('over the cap: 503, at once, and service again afterwards', async () => {
  const small = await start({ max: 5 });
  const held = [];
  for (let i = 0; i < 5; i++) held.push(await openWs(small));
  const refused = await ask(small, '/');
  assert.equal(refused.status, 503);
  assertSecure(refused.headers);
  assert.equal((await ask(small, '/', { secure: true })).status, 503);
  held.forEach((ws) => ws.socket.destroy());
  await until(async () => (await ask(small, '/')).status === 200, 'room');
  assert.ok((await counters(small)).refused >= 2);
  await small.stop();
});

test('one address cannot take all connections', async (t) => {
  const own = Object.values(os.networkInterfaces()).flat().find((i) => !i.internal && i.family === 'IPv4')?.address;
  if (!own) return t.skip('only loopback here, which is exempt');
  const open = await start({ http: '[::]:0' });
  const connect = () => new Promise((resolve) => {
    const socket = net.connect(open.port, own, () => resolve(socket));
    socket.on('error', () => resolve(socket));
  });
  const held = await Promise.all(Array.from({ length: 256 }, connect));
  await until(async () => (await counters(open)).connections === 257, 'connections'); // and the question's
  const next = await connect();
  next.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(String(await once(next, 'data')), /^HTTP\/1\.1 429 /);
  assert.equal((await ask(open, '/')).status, 200, 'other addresses are served');
  held.forEach((socket) => socket.destroy());
  await until(async () => (await counters(open)).connections <= 2, 'room');
  const again = await connect();
  again.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.match(String(await once(again, 'data')), /^HTTP\/1\.1 200 /);
  again.destroy();
  return open.stop();
});

test('a busy port is named', { timeout: 20000 }, async () => {
  const second = await start({ http: `127.0.0.1:${host.port}` });
  assert.equal(await second.ended, 1);
  assert.match(second.err, new RegExp(`127\\.0\\.0\\.1:${host.port} is in use`));
  const bad = await start({ http: 'nonsense' });
  assert.equal(await bad.ended, 1);
  assert.match(bad.err, /nonsense is not ADDRESS:PORT/);
});

test('IPv6, and both families on [::]', async () => {
  const both = await start({ http: '[::]:0' });
  const about = (address) => new Promise((resolve, reject) => {
    http.get({ host: address, port: both.port, path: '/about', agent: false }, (r) => r.on('data', (d) => resolve(String(d))))
      .on('error', reject);
  });
  assert.match(await about('127.0.0.1'), /\|127\.0\.0\.1\|/);
  assert.match(await about('::1'), /\|::1\|/);
  await both.stop();
});

test('a peer that went away without a word is noticed, one that answers pings is kept', { timeout: 130000 }, async () => {
  await until(async () => (await counters(deadPeer)).registered === 1, 'the dead one to go', 120000);
  const seconds = (Date.now() - deadSince) / 1000;
  console.log(`# dead peer noticed after ${seconds.toFixed(0)} s`);
  assert.ok(idleWs.pings >= 2, 'an idle one is pinged and kept');
  deadWs.socket.destroy();
  idleWs.socket.destroy();
  await until(async () => (await counters(deadPeer)).ws === 0, 'the idle one to go');
  await deadPeer.stop();
});

test('the end: no new connections, open ones are told, everything is freed', async (t) => {
  // A server that outlived a failed test would keep this program from ending.
  t.after(() => children.forEach((child) => child.kill('SIGKILL')));
  const ws = await openWs(host);
  host.child.kill('SIGUSR1');
  await until(() => new Promise((resolve) => {
    const probe = net.connect(host.port, '127.0.0.1', () => { probe.destroy(); resolve(false); });
    probe.on('error', () => resolve(true));
  }), 'the port to close');
  const hold = net.connect(host.port, '127.0.0.1');
  hold.on('error', () => {});
  await host.stop();
  await ws.over;
  assert.equal(ws.closed.code, 1001);
  assert.doesNotMatch(host.err, /ERROR|runtime error/);
});
