// SPDX-License-Identifier: Apache-2.0
// The whole server for tests that are its client: the program on a data folder of its own, and a WebSocket whose every
// message is checked against the schema. The program is the test's first argument.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import Ajv from 'ajv/dist/2020.js';
import WebSocket from 'ws';

const DINH = process.env.DINH ?? process.argv[2];
const here = path.dirname(fileURLToPath(import.meta.url));
const schema = JSON.parse(fs.readFileSync(path.join(here, '../../signaling/protocol.schema.json'), 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: false });
ajv.addSchema(schema, 'dinh');
const isServerMessage = ajv.compile({ $ref: 'dinh#/$defs/ServerMessage' });
export const isDocument = ajv.compile({ $ref: 'dinh#/$defs/Document' });
export const errorCodes = new Set(schema.$defs.ErrorCode.enum);

export class Server {
  constructor(...more) {
    this.more = more;
    this.data = fs.mkdtempSync(path.join(os.tmpdir(), 'dinh-signaling-'));
    this.http = '127.0.0.1:0';
  }

  async start() {
    this.child = spawn(DINH, ['serve', '--data', this.data, '--http', this.http, '--metrics', '127.0.0.1:0',
      '--media-address', '127.0.0.1', '--media-port', '0', '--workers', '1', ...this.more], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.log = '';
    this.child.stderr.on('data', (data) => { this.log += data; });
    this.exited = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
    const ready = await new Promise((resolve, reject) => {
      readline.createInterface({ input: this.child.stdout }).once('line', resolve);
      this.exited.then((code) => reject(new Error(`ended with ${code}: ${this.log}`)));
    });
    assert.match(ready, /^ready http=127\.0\.0\.1:\d+ metrics=127\.0\.0\.1:\d+ media=\d+$/);
    this.http = /http=(\S+)/.exec(ready)[1]; // the same port after a restart
    this.base = `http://${this.http}`;
    this.metricsBase = `http://${/metrics=(\S+)/.exec(ready)[1]}`;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async stop() {
    this.child.kill('SIGTERM');
    assert.equal(await this.exited, 0, this.log);
    fs.rmSync(this.data, { recursive: true, force: true });
  }

  run(...words) {
    return execFileSync(DINH, words, { encoding: 'utf8' }).trim();
  }

  meeting(title = 'Hội nghị kiểm thử') {
    return JSON.parse(this.run('meeting', 'create', '--data', this.data, '--title', title, '--json')).id;
  }

  token(meeting, role, ...more) {
    return this.run('token', '--data', this.data, '--meeting', meeting, '--role', role, ...more);
  }

  post(meeting, token, headers = {}) {
    return fetch(`${this.base}/api/v1/session`, { method: 'POST', headers: { origin: this.base, ...headers }, body: JSON.stringify({ meeting, token }) });
  }

  /** {s, cookie, …} */
  async session(meeting, role, ...more) {
    const answer = await this.post(meeting, this.token(meeting, role, ...more));
    assert.equal(answer.status, 200);
    const [, name, value] = /^(dinh_\d+)=([^;]+);/.exec(answer.headers.get('set-cookie'));
    const body = await answer.json();
    assert.equal(name, `dinh_${body.s}`);
    return { ...body, cookie: `${name}=${value}` };
  }
}

/** One WebSocket; every message that comes is checked. */
export class Client {
  static async open(server, session, { origin = server.base } = {}) {
    const client = new Client();
    client.socket = new WebSocket(`ws://${server.http}/ws?s=${session.s}`, { headers: { cookie: session.cookie }, origin });
    client.messages = [];
    client.waiting = [];
    client.nextId = 1;
    client.closed = new Promise((resolve) => client.socket.on('close', (code) => resolve(code)));
    client.socket.on('message', (data) => client.take(JSON.parse(data)));
    await new Promise((resolve, reject) => client.socket.once('open', resolve).once('error', reject));
    return client;
  }

  take(message) {
    if (!isServerMessage(message)) this.invalid = `${JSON.stringify(message).slice(0, 400)}: ${JSON.stringify(isServerMessage.errors)}`;
    this.messages.push(message);
    this.waiting = this.waiting.filter(({ match, resolve }) => !match(message) || resolve(message));
  }

  /** The first message, come or to come, that matches. */
  until(match) {
    const found = this.messages.find(match);
    return found ? Promise.resolve(found) : new Promise((resolve) => this.waiting.push({ match, resolve }));
  }

  async ask(type, fields = {}) {
    const id = this.nextId++;
    this.socket.send(JSON.stringify({ type, id, ...fields }));
    const reply = await this.until((message) => message.id === id);
    assert.equal(this.invalid, undefined);
    return reply;
  }

  async must(type, fields, reply = 'ok') {
    const answer = await this.ask(type, fields);
    assert.equal(answer.type, reply, JSON.stringify(answer));
    return answer;
  }

  async refused(code, type, fields) {
    const answer = await this.ask(type, fields);
    assert.deepEqual([answer.type, answer.code], ['error', code]);
    return answer;
  }

  join(name, fields = {}) {
    return this.must('join', { name, ...fields }, 'welcome');
  }

  close() {
    this.socket.close();
    return this.closed;
  }
}
