// SPDX-License-Identifier: Apache-2.0
// A hall's camera over RTSP as a seat of a meeting, by the whole program. Usage: node cameras.test.mjs DINH
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client, Server } from './dinh.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const PASSWORD = 'mat-khau-4821';
const server = new Server();
const meeting = {};

/** One that asks for a password; the port is kept over its restart. */
async function startCamera(port = 0) {
  const child = spawn('/usr/bin/python3', [path.join(here, 'rtsp_camera.py'), String(port), 'admin', PASSWORD], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((resolve) => readline.createInterface({ input: child.stdout }).once('line', resolve));
  return {
    port: Number(line.split(' ')[1]),
    stop: () => new Promise((resolve) => { child.once('close', resolve); child.kill('SIGKILL'); }),
  };
}

async function ask(method, rest, body) {
  const answer = await fetch(`${server.base}/api/v1/meetings/${meeting.id}/${rest}`, {
    method, headers: { authorization: `Bearer ${meeting.token}` }, body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null };
}

before(async () => {
  await server.start();
  meeting.id = server.meeting('Hội nghị có máy quay');
  meeting.token = server.token(meeting.id, 'chair');
  meeting.chair = await Client.open(server, await server.session(meeting.id, 'chair'));
  await meeting.chair.join('Chủ tọa');
});
after(async () => {
  await meeting.chair.close();
  await server.stop();
});

const rtpIn = async () => Number(/^dinh_rtp_in_total (\d+)$/m.exec(await (await fetch(`${server.metricsBase}/metrics`)).text())[1]);
const camera = (id, state) => meeting.chair.until((m) => m.type === 'jobs' && m.cameras.some((one) => one.id === id && one.state === state));

test('a_camera_comes_goes_and_comes_back', async () => {
  let hall = await startCamera();
  const url = `rtsp://127.0.0.1:${hall.port}/h264`;
  const { status, body: { id } } = await ask('POST', 'cameras', { name: 'Hội trường A', url, user: 'admin', password: PASSWORD });
  assert.equal(status, 201);
  const { participant } = await meeting.chair.until((m) => m.type === 'joined' && m.participant.id === id);
  assert.equal(participant.name, 'Hội trường A');
  await camera(id, 'playing');
  const before = await rtpIn();
  for (let now = before; now < before + 50; now = await rtpIn()) await new Promise((resolve) => setTimeout(resolve, 50));

  await hall.stop();
  await camera(id, 'lost');
  meeting.chair.messages = [];
  hall = await startCamera(hall.port);
  await camera(id, 'playing');
  assert.ok(!meeting.chair.messages.some((m) => m.type === 'left'), 'the seat stays meanwhile');

  const wrong = (await ask('POST', 'cameras', { name: 'Sai', url, user: 'admin', password: 'sai' })).body.id;
  const told = await camera(wrong, 'failed');
  assert.equal(told.cameras.find((one) => one.id === wrong).error, 'auth');
  assert.equal((await ask('DELETE', `cameras/${wrong}`)).status, 204);
  assert.equal((await ask('DELETE', `cameras/${id}`)).status, 204);
  await meeting.chair.until((m) => m.type === 'left' && m.participant === id);
  assert.ok(!server.log.includes(PASSWORD) && !JSON.stringify(meeting.chair.messages).includes(PASSWORD));
  await hall.stop();
});

test('what_was_answered_is_there_after_kill_9', async () => {
  const kept = [];
  for (let turn = 0; turn < 3; turn++) {
    const { status, body } = await ask('POST', 'cameras', { name: `Máy quay ${turn}`, url: 'rtsp://127.0.0.1:9/h264' });
    await server.kill();
    assert.equal(status, 201);
    kept.push(body.id);
    await server.start();
  }
  assert.equal((await ask('DELETE', `cameras/${kept[0]}`)).status, 204);
  await server.kill();
  await server.start();
  meeting.chair = await Client.open(server, await server.session(meeting.id, 'chair'));
  await meeting.chair.join('Chủ tọa');
  const listed = (m) => m.type === 'jobs' && m.cameras.map((one) => one.id).sort().join();
  await meeting.chair.until((m) => listed(m) === kept.slice(1).sort().join());
});
