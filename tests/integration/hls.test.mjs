// SPDX-License-Identifier: Apache-2.0
// A live stream's folder over real sockets, and `dinh load hls` against it. Usage: node hls.test.mjs SERVER_HOST DINH
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import tls from 'node:tls';

const [, , HOST, DINH] = process.argv;
const KEY = 'live-key-of-this-test_';
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'dinh-hls-'));
const live = path.join(root, 'live');
const large = crypto.randomBytes(6 << 20); // more than any socket takes at once
const server = {};

function put(name, data) {
  fs.writeFileSync(path.join(live, `${name}.new`), data);
  fs.renameSync(path.join(live, `${name}.new`), path.join(live, name));
}

before(async () => {
  for (const folder of ['', '720', 'audio', 'pages']) fs.mkdirSync(path.join(live, folder));
  put('index.m3u8', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\n720/index.m3u8\n');
  put('pages/abc-1.webp', 'a page');
  put('pages.json', '[]');
  put('720/init.mp4', 'init');
  put('720/1.m4s', large);
  fs.writeFileSync(path.join(root, 'secret.m3u8'), 'secret');
  assert.equal(spawnSync(HOST, [root]).status, 0);
  const [cert, key] = ['cert', 'key'].map((part) => path.join(root, `tls-${part}.pem`));
  server.child = spawn(HOST, ['[::]:0', '127.0.0.1:0', '127.0.0.1:0', cert, key, '-', root, '0', '-', live], { stdio: ['ignore', 'pipe', 'inherit'] });
  server.ended = new Promise((resolve) => server.child.once('close', resolve));
  const line = await new Promise((resolve) => readline.createInterface({ input: server.child.stdout }).once('line', resolve));
  [, server.http, server.https, server.metrics] = /ready (\d+) (\d+) (\d+)/.exec(line).map(Number);
});

after(async () => {
  server.child.kill('SIGTERM');
  assert.equal(await server.ended, 0);
  fs.rmSync(root, { recursive: true, force: true });
});

function ask(scheme, rest, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const request = (scheme === 'https' ? https : http).request({
      host: '127.0.0.1', port: server[scheme], path: `/live/${rest}`, method, headers, agent: false, rejectUnauthorized: false,
    }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) }));
    });
    request.on('error', reject);
    request.end(method === 'POST' ? 'x' : undefined);
  });
}

test('playlists_and_segments_have_the_headers_that_let_caches_multiply_them', async () => {
  for (const scheme of ['http', 'https']) {
    for (const [name, type, cache] of [
      ['index.m3u8', 'application/vnd.apple.mpegurl', 'public, max-age=1'], ['pages.json', 'application/json', 'public, max-age=1'],
      ['720/init.mp4', 'video/mp4', 'public, max-age=3600, immutable'], ['720/1.m4s', 'video/mp4', 'public, max-age=3600, immutable'],
      ['pages/abc-1.webp', 'image/webp', 'public, max-age=3600, immutable'],
    ]) {
      const answer = await ask(scheme, `${KEY}/${name}`);
      assert.equal(answer.status, 200, name);
      assert.deepEqual(answer.body, fs.readFileSync(path.join(live, name)), name);
      assert.equal(answer.headers['content-type'], type);
      assert.equal(answer.headers['cache-control'], cache);
      assert.equal(answer.headers['access-control-allow-origin'], '*');
      assert.equal(answer.headers['cross-origin-resource-policy'], 'cross-origin');
      assert.equal(answer.headers['x-content-type-options'], 'nosniff');
      assert.equal(answer.headers['set-cookie'], undefined);
      const again = await ask(scheme, `${KEY}/${name}`, { headers: { 'if-none-match': answer.headers.etag } });
      assert.deepEqual([again.status, again.body.length], [304, 0]);
    }
  }
});

test('parts_and_heads_of_a_segment', async () => {
  for (const scheme of ['http', 'https']) {
    const part = await ask(scheme, `${KEY}/720/1.m4s`, { headers: { range: 'bytes=100-5000099' } });
    assert.deepEqual([part.status, part.headers['content-range']], [206, `bytes 100-5000099/${large.length}`]);
    assert.deepEqual(part.body, large.subarray(100, 5000100));
    assert.equal((await ask(scheme, `${KEY}/720/1.m4s`, { headers: { range: `bytes=${large.length}-` } })).status, 416);
    const head = await ask(scheme, `${KEY}/720/1.m4s`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, String(large.length), 0]);
  }
});

test('nothing_else_of_the_disk_can_be_reached', async () => {
  for (const rest of ['', KEY, `${KEY}/`, `${KEY}/../secret.m3u8`, `${KEY}/..%2fsecret.m3u8`, `${KEY}/%2e%2e/secret.m3u8`, 'live-key-of-other-test/index.m3u8',
    `../${KEY}/index.m3u8`, `${KEY}/720`, `${KEY}/720/2.m4s`, `${KEY}/audio/index.m3u8`, `${KEY}/index.m3u8.new`]) {
    const { status, body } = await ask('http', rest);
    assert.ok(status === 404 || status === 400, `${rest}: ${status}`);
    assert.ok(!body.includes('secret'));
  }
  const other = await new Promise((resolve) => http.get({ host: '127.0.0.1', port: server.metrics, path: `/live/${KEY}/index.m3u8` }, (answer) => resolve(answer.resume())));
  assert.equal(other.statusCode, 404);
});

test('other_methods_are_refused_and_a_preflight_is_answered', async () => {
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const { status, headers } = await ask('http', `${KEY}/index.m3u8`, { method });
    assert.deepEqual([status, headers.allow], [405, 'GET, HEAD, OPTIONS']);
  }
  const { status, headers } = await ask('http', `${KEY}/720/1.m4s`, { method: 'OPTIONS', headers: { origin: 'https://cdn.example', 'access-control-request-headers': 'range' } });
  assert.deepEqual([status, headers['access-control-allow-origin'], headers['access-control-allow-headers']], [204, '*', 'Range']);
});

test('slow_readers_and_pipelining_ones_get_every_byte', async () => {
  const ways = [() => net.connect(server.http, '127.0.0.1'), () => tls.connect({ port: server.https, host: '127.0.0.1', rejectUnauthorized: false })];
  await Promise.all(ways.map(async (connect) => {
    const socket = connect();
    const request = (name, more = '') => `GET /live/${KEY}/${name} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
    socket.write(request('720/1.m4s') + request('index.m3u8') + request('720/1.m4s', 'Connection: close\r\n'));
    const hash = crypto.createHash('sha256'), expected = crypto.createHash('sha256');
    let text = Buffer.alloc(0), left = 0;
    for await (const part of socket) { // heads are left out, bodies hashed
      let rest = Buffer.concat([text, part]);
      text = Buffer.alloc(0);
      while (rest.length) {
        if (left === 0) {
          const end = rest.indexOf('\r\n\r\n');
          if (end < 0) { text = rest; break; }
          left = Number(/Content-Length: (\d+)/.exec(rest.subarray(0, end).toString())[1]);
          rest = rest.subarray(end + 4);
        }
        const body = rest.subarray(0, left);
        hash.update(body);
        left -= body.length;
        rest = rest.subarray(body.length);
      }
      socket.pause();
      await new Promise((resolve) => setImmediate(resolve));
      socket.resume();
    }
    for (const name of ['720/1.m4s', 'index.m3u8', '720/1.m4s']) expected.update(fs.readFileSync(path.join(live, name)));
    assert.equal(hash.digest('hex'), expected.digest('hex'));
  }));
});

test('a_whole_branch_may_watch_from_one_address', async (t) => {
  const own = Object.values(os.networkInterfaces()).flat().find((i) => !i.internal && i.family === 'IPv4')?.address;
  if (!own) return t.skip('only loopback here, which is exempt');
  const sockets = [];
  const get = (target) => new Promise((resolve) => {
    const socket = net.connect(server.http, own, () => socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n\r\n`));
    sockets.push(socket);
    socket.once('data', (data) => resolve(Number(String(data).slice(9, 12))));
  });
  for (let i = 0; i < 400; i++) assert.equal(await get(`/live/${KEY}/index.m3u8`), 200, `${i}`);
  assert.equal(await get('/about'), 200);
  for (let i = 0; i < 300; i++) if (await get('/about') === 429) break;
  assert.equal(await get('/about'), 429, 'who does not watch is counted as before');
  for (const socket of sockets) socket.destroy();
});

/** A stream of short segments, at real pace, until stopped. */
function broadcast() {
  const from = Date.now() - 1600;
  let n = 0;
  const step = () => {
    while (from + (n + 1) * 400 <= Date.now()) {
      put(`720/${100 + n}.m4s`, crypto.randomBytes(40000));
      const first = Math.max(0, n - 6);
      let text = `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:${100 + first}\n#EXT-X-MAP:URI="init.mp4"\n#EXT-X-PROGRAM-DATE-TIME:${new Date(from + first * 400).toISOString()}\n`;
      for (let i = first; i <= n; i++) text += `#EXTINF:0.400,\n${100 + i}.m4s\n`;
      put('720/index.m3u8', text);
      n++;
    }
  };
  step();
  const timer = setInterval(step, 50);
  return () => clearInterval(timer);
}

test('the_load_tool_plays_as_players_do', async () => {
  const stop = broadcast();
  const run = async (scheme, ...more) => {
    const words = ['load', 'hls', '--url', `${scheme}://127.0.0.1:${server[scheme]}/live/${KEY}/index.m3u8`, '--viewers', '20', '--join-seconds', '1', '--settle-seconds', '1', '--duration', '3', '--json'];
    const child = spawn(DINH, [...words, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (data) => { out += data; });
    assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
    return JSON.parse(out);
  };
  for (const [scheme, ...more] of [['http', '--server-pid', String(server.child.pid)], ['https', '--insecure', '--rendition', '720']]) {
    const result = await run(scheme, ...more);
    assert.deepEqual([result.playing, result.failures, result.first_failure, result.skipped], [20, 0, '', 0]);
    assert.ok(result.segments >= 20 * 4 && result.bytes_per_second > 20 * 40000, JSON.stringify(result));
    assert.ok(result.behind_ms.p50 > 0 && result.segment_ms.p50 > 0);
    console.log(`figure: ${scheme}, ${result.segments} segments, behind p99 ${result.behind_ms.p99} ms, server ${result.server?.cpu_percent ?? '-'} %`);
  }
  assert.equal((await run('http', '--rendition', '1080', '--duration', '1', '--join-seconds', '0', '--settle-seconds', '0')).playing, 0);
  stop();
});

const withoutNginx = !fs.existsSync('/usr/sbin/nginx') && 'nginx is not here';

test('a_cache_in_front_of_it_multiplies_it', { skip: withoutNginx }, async () => {
  const spare = net.createServer();
  await new Promise((resolve) => spare.listen(0, '127.0.0.1', resolve));
  const { port } = spare.address();
  await new Promise((resolve) => spare.close(resolve));
  const here = path.dirname(new URL(import.meta.url).pathname);
  const ours = fs.readFileSync(path.join(here, '../../deploy/nginx-live.conf'), 'utf8')
    .replace('/var/cache/nginx/dinh-live', `${root}/cache`).replace('listen 80', `listen 127.0.0.1:${port}`).replace('127.0.0.1:8080', `127.0.0.1:${server.http}`);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${root}/temp-${what};`).join('\n');
  fs.writeFileSync(path.join(root, 'nginx.conf'), `daemon off; master_process off; pid ${root}/pid; error_log ${root}/nginx.log;\nevents {}\nhttp {\n${temp}\n${ours}}\n`);
  const nginx = spawn('/usr/sbin/nginx', ['-c', path.join(root, 'nginx.conf')], { stdio: 'ignore' });
  const ended = new Promise((resolve) => nginx.once('close', resolve));
  const stop = broadcast();
  const counters = async () => JSON.parse(await (await fetch(`http://127.0.0.1:${server.http}/counters`)).text());
  for (;;) { // until it listens
    const answer = await fetch(`http://127.0.0.1:${port}/live/${KEY}/index.m3u8`, { headers: { host: 'xem.hop.example.vn' } }).catch(() => null);
    if (answer?.status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const before = (await counters()).requests;
  const child = spawn(DINH, ['load', 'hls', '--url', `http://127.0.0.1:${port}/live/${KEY}/index.m3u8`, '--viewers', '100', '--join-seconds', '1', '--settle-seconds', '0',
    '--duration', '3', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  await new Promise((resolve) => child.once('close', resolve));
  const result = JSON.parse(out);
  const asked = (await counters()).requests - before;
  assert.deepEqual([result.playing, result.failures, result.first_failure], [100, 0, '']);
  assert.ok(asked * 10 < result.segments + result.playlists, `${asked} requests for ${result.segments} segments and ${result.playlists} playlists`);
  console.log(`figure: ${asked} requests reached the server of ${result.segments + result.playlists} in the measured stretch`);
  stop();
  nginx.kill('SIGKILL');
  await ended;
});

test('wrong_words_are_refused', () => {
  for (const words of [[], ['--url', 'http://127.0.0.1'], ['--url', 'x'], ['--url', 'http://x.invalid/a.m3u8'], ['--url', 'http://127.0.0.1:1/a', '--viewers', '0']]) {
    const { status, stderr } = spawnSync(DINH, ['load', 'hls', ...words, '--duration', '1'], { encoding: 'utf8' });
    assert.notEqual(status, 0, words.join(' '));
    assert.match(stderr, /^dinh: \S.*\n$/);
  }
});
