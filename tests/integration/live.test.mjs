// SPDX-License-Identifier: Apache-2.0
// A meeting streamed to viewers by the whole program, its jobs included. Usage: node live.test.mjs DINH
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { Client, Server } from './dinh.mjs';

const DINH = process.argv[2];
const server = new Server();
before(() => server.start());
after(() => server.stop());

/** A request of a script with a token of this role. */
function api(meeting, role) {
  const token = server.token(meeting, role);
  return async (method, rest, body) => {
    const answer = await fetch(`${server.base}/api/v1/meetings/${meeting}/${rest}`, {
      method, headers: { authorization: `Bearer ${token}` }, body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : null };
  };
}

async function until(what, ask) {
  for (const end = Date.now() + 60000; ;) {
    const found = await ask();
    if (found) return found;
    assert.ok(Date.now() < end, `waited too long for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const playlist = async (address) => {
  const answer = await fetch(server.base + address);
  return answer.status === 200 ? answer.text() : null;
};
const numbers = (text) => [...text.matchAll(/^(\d+)\.m4s$/gm)].map(([, n]) => Number(n));

/** The process of this kind of job: the program itself, not the sandbox around it. */
function jobPid(kind) {
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (words[1] === 'job' && words[2] === kind && isBelow(Number(pid), server.child.pid)) return Number(pid);
    } catch { /* it went */ }
  }
  return null;
}

function isBelow(pid, ancestor) {
  while (pid > 1 && pid !== ancestor) pid = Number(/\) \S (\d+)/.exec(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))[1]);
  return pid === ancestor;
}

const meeting = { id: null, host: null, chair: null, playlist: null };

async function enter() {
  meeting.session ??= await server.session(meeting.id, 'chair');
  meeting.chair = await Client.open(server, meeting.session);
  await meeting.chair.join('Chủ tọa');
}

const liveState = (state) => (message) => message.type === 'jobs' && message.live?.state === state;

test('a_meeting_is_streamed_to_viewers', async () => {
  meeting.id = server.meeting('Hội nghị trực tuyến');
  meeting.host = api(meeting.id, 'chair');
  await enter();
  assert.deepEqual((await meeting.host('GET', 'live')).body, { on: false, title: 'Hội nghị trực tuyến', playlist: null, pages: null });
  const begun = Date.now();
  assert.equal((await meeting.host('PUT', 'live')).status, 200);
  await meeting.chair.until((message) => message.type === 'live' && message.on);
  await meeting.chair.until(liveState('on'));
  const printed = server.token(meeting.id, 'viewer'); // of the command line
  for (const [rest, status] of [['live', 200], ['documents', 401], ['recordings', 401]]) {
    assert.equal((await fetch(`${server.base}/api/v1/meetings/${meeting.id}/${rest}`, { headers: { authorization: `Bearer ${printed}` } })).status, status);
  }
  const { body: link } = await meeting.host('POST', 'viewer-link');
  const token = new URL(link.url).hash.slice(3);
  const seen = await fetch(`${server.base}/api/v1/meetings/${meeting.id}/live`, { headers: { authorization: `Bearer ${token}` } });
  const found = await seen.json();
  assert.match(found.playlist, /^\/live\/[\w-]{22}\/index\.m3u8$/);
  meeting.playlist = found.playlist;
  const master = await playlist(found.playlist);
  console.log(`figure: a playlist ${Date.now() - begun} ms after the start`);
  for (const rendition of ['720', '360', 'audio']) {
    assert.ok(master.includes(`${rendition}/index.m3u8`), master);
    const folder = found.playlist.replace('index.m3u8', `${rendition}/`);
    const text = await until(`two segments of ${rendition}`, async () => {
      const list = await playlist(`${folder}index.m3u8`);
      return list && numbers(list).length >= 2 ? list : null;
    });
    const init = /EXT-X-MAP:URI="(init-\d+\.mp4)"/.exec(text)[1];
    const whole = path.join(server.data, `${rendition}.mp4`);
    for (const name of [init, ...numbers(text).map((n) => `${n}.m4s`)]) {
      const answer = await fetch(server.base + folder + name);
      assert.equal(answer.status, 200, name);
      assert.match(answer.headers.get('cache-control'), /immutable/);
      fs.appendFileSync(whole, Buffer.from(await answer.arrayBuffer()));
    }
    const probe = spawnSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,width', '-of', 'csv=p=0', whole], { encoding: 'utf8' });
    assert.equal(probe.stderr, '');
    assert.match(probe.stdout, rendition === 'audio' ? /^aac/ : new RegExp(`h264,${rendition === '720' ? 1280 : 640}`));
  }
  assert.equal((await fetch(server.base + found.pages)).headers.get('content-type'), 'application/json');
  assert.deepEqual((await (await fetch(server.base + found.pages)).json()).map(({ file }) => file), [null]);
});

test('viewers_are_counted_and_see_it_within_ten_seconds', async () => {
  const words = ['load', 'hls', '--url', server.base + meeting.playlist, '--viewers', '20', '--join-seconds', '1', '--settle-seconds', '3', '--duration', '5', '--json'];
  const child = spawn(DINH, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  await meeting.chair.until((message) => message.type === 'jobs' && message.live?.viewers >= 10);
  await new Promise((resolve) => child.once('close', resolve));
  const result = JSON.parse(out);
  assert.deepEqual([result.playing, result.failures, result.first_failure], [20, 0, '']);
  const metrics = await (await fetch(`${server.metricsBase}/metrics`)).text();
  assert.match(metrics, /^dinh_live_streams 1$/m);
  assert.ok(Number(/^dinh_live_viewers (\d+)$/m.exec(metrics)[1]) > 5 && Number(/^dinh_live_out_bytes_total (\d+)$/m.exec(metrics)[1]) > 100000);
  console.log(`figure: behind p50 ${result.behind_ms.p50} ms, p99 ${result.behind_ms.p99} ms`);
});

/** An RTMP server that asks us about keys. */
async function rtmpServer(goodKey) {
  const asked = [];
  const judge = http.createServer((request, answer) => {
    let body = '';
    request.on('data', (data) => { body += data; });
    request.on('end', () => {
      asked.push(new URLSearchParams(body).get('name'));
      answer.writeHead(asked.at(-1) === goodKey ? 200 : 403).end();
    });
  });
  const spare = net.createServer();
  for (const one of [judge, spare]) await new Promise((resolve) => one.listen(0, '127.0.0.1', resolve));
  const { port } = spare.address();
  await new Promise((resolve) => spare.close(resolve));
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'dinh-rtmp-'));
  fs.writeFileSync(path.join(dir, 'nginx.conf'), `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/log;
events {}
rtmp { server { listen 127.0.0.1:${port}; access_log off; application live { live on; on_publish http://127.0.0.1:${judge.address().port}/; } } }
`);
  const nginx = spawn('/usr/sbin/nginx', ['-c', path.join(dir, 'nginx.conf')], { stdio: 'ignore' });
  return {
    url: `rtmp://127.0.0.1:${port}/live`,
    asked,
    async stop() {
      nginx.kill('SIGKILL');
      await new Promise((resolve) => nginx.once('close', resolve));
      judge.closeAllConnections();
      await new Promise((resolve) => judge.close(resolve));
      fs.rmSync(dir, { recursive: true });
    },
  };
}

const withoutNetwork = !fs.existsSync('/usr/lib/nginx/modules/ngx_rtmp_module.so') && 'libnginx-mod-rtmp is not here';

test('it_is_pushed_to_a_social_network_and_its_key_stays_a_secret', { skip: withoutNetwork }, async () => {
  const key = 'khoa-bi-mat-7391';
  const network = await rtmpServer(key);
  const target = (id, state) => meeting.chair.until((message) => message.type === 'jobs' && message.rtmp.some((one) => one.id === id && one.state === state));
  const good = (await meeting.host('POST', 'rtmp', { name: 'Trang của tỉnh', url: network.url, key })).body;
  await target(good.id, 'live');
  const wrong = (await meeting.host('POST', 'rtmp', { name: 'Khóa sai', url: network.url, key: 'sai' })).body;
  const told = await target(wrong.id, 'failed');
  assert.equal(told.rtmp.find(({ id }) => id === wrong.id).error, 'refused');
  assert.deepEqual(new Set(network.asked), new Set([key, 'sai']));
  const everywhere = [server.log, JSON.stringify(meeting.chair.messages), ...fs.readdirSync(server.data, { recursive: false })
    .filter((name) => name.startsWith('dinh.sqlite')).map((name) => fs.readFileSync(path.join(server.data, name), 'latin1'))];
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      everywhere.push(fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8'), fs.readFileSync(`/proc/${pid}/environ`, 'latin1'));
    } catch { /* it went */ }
  }
  for (const text of everywhere) assert.ok(!text.includes(key));
  assert.equal((await meeting.host('DELETE', `rtmp/${wrong.id}`)).status, 204);
  assert.equal((await meeting.host('DELETE', `rtmp/${good.id}`)).status, 204);
  await until('the pushing to end', () => !jobPid('rtmp'));
  await network.stop();
});

test('after_the_death_of_its_job_the_stream_goes_on_at_its_address', async () => {
  const folder = meeting.playlist.replace('index.m3u8', '720/');
  const before = numbers(await playlist(`${folder}index.m3u8`)).at(-1);
  const killed = Date.now();
  process.kill(jobPid('program'), 'SIGKILL');
  meeting.chair.messages = [];
  await meeting.chair.until(liveState('starting'));
  assert.ok(await playlist(`${folder}index.m3u8`), 'players read on meanwhile');
  await meeting.chair.until(liveState('on'));
  const text = await until('new segments', async () => {
    const list = await playlist(`${folder}index.m3u8`);
    return list && numbers(list).length >= 2 && numbers(list)[0] > before ? list : null;
  });
  assert.match(text, /EXT-X-DISCONTINUITY-SEQUENCE:\d+/);
  console.log(`figure: two new segments ${Date.now() - killed} ms after kill -9`);
});

test('a_restarted_server_streams_on_at_the_same_address', async () => {
  const before = numbers(await playlist(meeting.playlist.replace('index.m3u8', '720/index.m3u8'))).at(-1);
  await server.kill();
  await server.start();
  await enter();
  const text = await until('segments', async () => {
    const list = await playlist(meeting.playlist.replace('index.m3u8', '720/index.m3u8'));
    return list && numbers(list).length >= 1 ? list : null;
  });
  assert.ok(numbers(text)[0] > before);
});

test('the_end_is_told_and_the_job_goes', async () => {
  meeting.chair.messages = [];
  assert.equal((await meeting.host('DELETE', 'live')).status, 204);
  await meeting.chair.until((message) => message.type === 'live' && !message.on);
  await meeting.chair.until((message) => message.type === 'jobs' && message.live === null);
  await until('the job to end', () => !jobPid('program'));
  assert.equal((await meeting.host('GET', 'live')).body.playlist, null);
  await meeting.chair.close();
});
