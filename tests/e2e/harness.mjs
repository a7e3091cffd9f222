// SPDX-License-Identifier: Apache-2.0
// What every browser test needs: a real server on its own data folder, real Chromium pages with fake
// devices, and eyes on what their PeerConnections really receive.
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium, firefox } from 'playwright-core';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const binary = path.join(root, 'build/dinh');

const folders = [];
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Gone when the test file ends. */
export function temporaryFolder(prefix = 'dinh-e2e-') {
  folders.push(mkdtempSync(path.join(tmpdir(), prefix)));
  return folders.at(-1);
}

const REFUSED_PORT = 10080; // by browsers, of all in these ranges

/** Below the ports that the system gives to connections: a server that starts again finds it free. */
export function freePort(first = 10000, count = 10000) {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    let left = 50;
    const listen = () => {
      let port;
      do port = first + Math.floor(Math.random() * count); while (port === REFUSED_PORT);
      probe.listen(port, '127.0.0.1');
    };
    probe.on('error', (error) => (left-- > 0 ? listen() : reject(error)));
    probe.on('listening', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
    listen();
  });
}

/** Awaits a truthy value of probe(); throws with what after timeoutMs. */
export async function until(probe, what, timeoutMs = 15000, intervalMs = 50) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    last = await probe();
    if (last) return last;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
  }
}

/** What a failed test may have left behind and would keep the runner waiting: servers and relays. */
const leftovers = new Set();
/** end() is called when the test file ends, however it does. */
export function onCleanUp(end) {
  leftovers.add(end);
}

export function cleanUp() {
  for (const end of leftovers) end();
}

export class Server {
  static async start({ data = temporaryFolder(), env = {}, args = [], wrap = [] } = {}) {
    const server = new Server();
    server.data = data;
    server.port = await freePort();
    server.mediaPort = await freePort(20000, 12000);
    server.env = env;
    server.args = args;
    server.wrap = wrap;
    await server.spawn();
    return server;
  }

  get base() {
    return `http://127.0.0.1:${this.port}`;
  }

  async spawn() {
    const command = [...this.wrap, binary, 'serve', '--data', this.data, '--http', `127.0.0.1:${this.port}`,
      '--media-address', '127.0.0.1', '--media-port', String(this.mediaPort), '--workers', '1', ...this.args];
    this.log = [];
    this.child = spawn(command[0], command.slice(1), { env: { ...process.env, ...this.env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const { child } = this;
    const kill = () => child.kill('SIGKILL');
    leftovers.add(kill);
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => {
      leftovers.delete(kill);
      if (signal && !child.killed) console.error(`server ended by ${signal}:\n${this.log.slice(-5).join('\n')}`);
      resolve({ code, signal });
    }));
    readline.createInterface({ input: this.child.stderr }).on('line', (line) => this.log.push(line));
    const lines = readline.createInterface({ input: this.child.stdout });
    await new Promise((resolve, reject) => {
      lines.on('line', (line) => line.startsWith('ready ') && resolve());
      this.exited.then(({ code }) => reject(new Error(`server ended with ${code}: ${this.log.join('\n')}`)));
    });
  }

  /** As a power cut would: no goodbye. */
  async kill() {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  /** Process ids of its running jobs of this kind ("program"), inside of their sandboxes. */
  jobs(kind) {
    const parents = new Map();
    const found = [];
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        parents.set(pid, /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
        const [, job, its] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        if (job === 'job' && its === kind) found.push(pid);
      } catch {
        // It has just ended.
      }
    }
    const ours = (pid) => pid === String(this.child.pid) || (parents.has(pid) && ours(parents.get(pid)));
    return found.filter(ours).map(Number);
  }

  /** As a failed assertion in a media worker does. Resolves with the signal that ended the process. */
  async breakWorker(index) {
    const { pid } = this.child;
    const name = `media-${index}`;
    const thread = readdirSync(`/proc/${pid}/task`).find((id) => readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8').trim() === name);
    execFileSync('python3', ['-c', `import ctypes, sys\nlibc = ctypes.CDLL(None, use_errno=True)\nsys.exit(libc.tgkill(${pid}, ${thread}, 6) != 0)`]);
    return (await this.exited).signal;
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    const { code } = await this.exited;
    rmSync(this.data, { recursive: true, force: true });
    return code;
  }

  /** {id, links: {chair: URL, …}} */
  createMeeting(title = 'Hội nghị kiểm thử') {
    const { id } = JSON.parse(execFileSync(binary, ['meeting', 'create', '--data', this.data, '--title', title, '--json'], { encoding: 'utf8' }));
    const links = {};
    for (const role of ['chair', 'secretary', 'presenter', 'delegate', 'observer']) links[role] = this.link(id, this.token(id, role));
    return { id, links };
  }

  token(meeting, role, ...more) {
    return execFileSync(binary, ['token', '--data', this.data, '--meeting', meeting, '--role', role, ...more], { encoding: 'utf8' }).trim();
  }

  link(meeting, token) {
    return `${this.base}/m/${meeting}#t=${token}`;
  }

  async metrics(name) {
    const port = this.metricsPort;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const line = text.split('\n').find((l) => l.startsWith(name + ' ') || l.startsWith(name + '{'));
    return line ? Number(line.trim().split(/\s+/).pop()) : undefined;
  }
}

export function launch(extraArgs = [], executablePath = '/usr/bin/chromium') {
  return chromium.launch({
    executablePath,
    headless: true,
    env: { ...process.env, LC_ALL: 'C.UTF-8' }, // in the locale C it mangles the Vietnamese file names it uploads
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      '--allow-loopback-in-peer-connection', '--autoplay-policy=no-user-gesture-required',
      '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding', '--disable-background-timer-throttling', ...extraArgs],
  });
}

/** As it comes from Debian, over WebDriver BiDi. */
export function launchFirefox() {
  return firefox.launch({
    channel: 'moz-firefox',
    executablePath: '/usr/bin/firefox-esr',
    firefoxUserPrefs: {
      'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0, 'media.autoplay.blocking_policy': 0,
    },
  });
}

// Runs in the page before its own scripts: remembers its PeerConnections and keeps the fake camera at 640x360.
function observe({ relayFrom, relayTo, camera }) {
  const Native = window.RTCPeerConnection;
  window.testPeerConnections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      window.testPeerConnections.push(this);
    }
    setRemoteDescription(description) {
      if (relayTo && description?.sdp)
        description = { type: description.type, sdp: description.sdp.replaceAll(` ${relayFrom} typ`, ` ${relayTo} typ`) };
      return super.setRemoteDescription(description);
    }
  };
  const media = navigator.mediaDevices;
  if (!media) return; // the empty page before it
  const getUserMedia = media.getUserMedia.bind(media);
  media.getUserMedia = (constraints) => {
    const wanted = { ...constraints };
    if (wanted.video) {
      const video = typeof wanted.video === 'object' ? { ...wanted.video } : {};
      wanted.video = { ...video, width: camera.width, height: camera.height, frameRate: camera.fps };
    }
    return getUserMedia(wanted);
  };
}

export class Person {
  /** Opens the link in a browser of her own, fills in her name and joins. */
  static async join(browser, link, name, options = {}) {
    const person = await Person.open(browser, link, options);
    await person.page.getByTestId('join-name').fill(name);
    person.joinedAt = Date.now();
    await person.page.getByTestId('join-button').click();
    await person.page.getByTestId('leave-button').waitFor();
    return person;
  }

  static async open(browser, link, { viewport = { width: 1280, height: 800 }, permissions = ['camera', 'microphone'],
    relayFrom = 0, relayTo = 0, camera = { width: 640, height: 360, fps: 15 }, script, scriptArgument, locale = 'vi-VN', ...context } = {}) {
    const person = new Person();
    person.context = await browser.newContext({ viewport, permissions, locale, acceptDownloads: true, ...context });
    person.page = await person.context.newPage();
    person.outside = [];
    person.errors = [];
    person.page.on('request', (request) => {
      const url = new URL(request.url());
      if (!['127.0.0.1', 'localhost'].includes(url.hostname) && !['data:', 'blob:'].includes(url.protocol)) person.outside.push(request.url());
    });
    person.page.on('pageerror', (error) => person.errors.push(String(error)));
    person.page.on('console', (message) => message.type() === 'error' && person.errors.push(message.text()));
    await person.page.addInitScript(observe, { relayFrom, relayTo, camera });
    if (script) await person.page.addInitScript(script, scriptArgument);
    await person.page.goto(link);
    return person;
  }

  close() {
    return this.context.close();
  }

  /** All entries of getStats() of the live PeerConnection. */
  stats() {
    return this.page.evaluate(async () => {
      const live = window.testPeerConnections.filter((pc) => pc.connectionState !== 'closed').pop();
      return live ? [...(await live.getStats()).values()] : [];
    });
  }

  async inbound(kind) {
    return (await this.stats()).filter((s) => s.type === 'inbound-rtp' && s.kind === kind);
  }

  /** Frames decoded over all slots. */
  async framesDecoded() {
    return (await this.inbound('video')).reduce((sum, s) => sum + (s.framesDecoded ?? 0), 0);
  }

  /** Longest time in ms without a new frame of each other's picture, by participant, since called; taken by the returned function. */
  async watchFrames() {
    await this.page.evaluate(() => {
      window.testWatch = new Map();
      for (const tile of document.querySelectorAll('[data-testid=tile][data-self=false]')) {
        const video = tile.querySelector('video');
        if (!video?.videoWidth) continue;
        const state = { participant: tile.dataset.participant, last: performance.now(), longest: 0 };
        window.testWatch.set(video, state);
        const onFrame = () => {
          const now = performance.now();
          state.longest = Math.max(state.longest, now - state.last);
          state.last = now;
          if (window.testWatch.get(video) === state) video.requestVideoFrameCallback(onFrame);
        };
        video.requestVideoFrameCallback(onFrame);
      }
    });
    return () => this.page.evaluate(() => {
      const longest = [...window.testWatch.values()].map((s) => [s.participant, Math.round(Math.max(s.longest, performance.now() - s.last))]);
      window.testWatch = new Map();
      return Object.fromEntries(longest);
    });
  }

  /** Packets and samples of all voices so far. */
  async sound() {
    const streams = await this.inbound('audio');
    const sum = (key) => streams.reduce((total, s) => total + (s[key] ?? 0), 0);
    return { received: sum('packetsReceived'), lost: sum('packetsLost'), concealed: sum('concealedSamples') - sum('silentConcealedSamples'), samples: sum('totalSamplesReceived') };
  }

  tile(participantName) {
    return this.page.getByTestId('tile').filter({ hasText: participantName });
  }

  /** True once the tile's video has a picture and shows another one later. */
  async seesMovingVideo(participantName, timeoutMs = 20000) {
    const video = this.tile(participantName).locator('video').first();
    await video.waitFor({ timeout: timeoutMs });
    const picture = () => video.evaluate((element) => {
      if (!element.videoWidth) return '';
      const canvas = document.createElement('canvas');
      canvas.width = 64;
      canvas.height = 36;
      const context = canvas.getContext('2d');
      context.drawImage(element, 0, 0, 64, 36);
      return [...context.getImageData(0, 0, 64, 36).data].join();
    });
    const first = await until(picture, `a picture of ${participantName}`, timeoutMs);
    // No picture at all, while the element gets another stream, is no change.
    await until(async () => ![first, ''].includes(await picture()), `a changing picture of ${participantName}`, timeoutMs);
    return true;
  }

  hears(timeoutMs = 20000) {
    return until(async () => (await this.inbound('audio')).some((s) => (s.audioLevel ?? 0) > 0), 'sound', timeoutMs);
  }
}

/** A UDP relay whose upstream port can be changed, as when a phone goes from Wi-Fi to mobile data. */
export async function udpRelay(targetPort) {
  const { createSocket } = await import('node:dgram');
  const front = createSocket('udp4');
  await new Promise((resolve) => front.bind(0, '127.0.0.1', resolve));
  const upstreams = new Map();
  const relay = {
    port: front.address().port,
    drop: false,
    changePort() {
      for (const socket of upstreams.values()) socket.close();
      upstreams.clear();
    },
    close() {
      leftovers.delete(relay.close);
      relay.changePort();
      front.close();
    },
  };
  leftovers.add(relay.close);
  front.on('message', (data, from) => {
    if (relay.drop) return;
    const key = `${from.address}:${from.port}`;
    let socket = upstreams.get(key);
    if (!socket) {
      socket = createSocket('udp4');
      socket.on('message', (reply) => !relay.drop && front.send(reply, from.port, from.address));
      upstreams.set(key, socket);
    }
    socket.send(data, targetPort, '127.0.0.1');
  });
  return relay;
}

/** A bad line: a relay with a rate, a queue, delay, jitter and loss each way (udp_link.c). */
export async function udpLink(targetPort, address = '127.0.0.1') {
  const program = path.join(temporaryFolder('dinh-link-'), 'udp_link');
  execFileSync('cc', ['-O2', '-o', program, path.join(root, 'tests/e2e/udp_link.c')]);
  const child = spawn(program, [String(targetPort), address], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value;
  const order = async (text) => {
    child.stdin.write(`${text}\n`);
    return next();
  };
  const words = (line) => Object.entries(line).map(([key, value]) => `${key}=${value}`).join(' ');
  const link = {
    port: Number((await next()).split(' ')[1]),
    down: (line) => order(`down ${words(line)}`),
    up: (line) => order(`up ${words(line)}`),
    /** Since the last time: bytes offered and passed, packets lost and overflowed, waits in the queue. */
    stats: async () => JSON.parse(await order('stats')),
    close() {
      leftovers.delete(link.close);
      child.stdin.end();
    },
  };
  leftovers.add(link.close);
  return link;
}

/** A TCP relay that can go silent without closing anything: a laptop lid, a dead mobile cell. */
export async function tcpRelay(targetPort) {
  const pairs = new Set();
  const front = net.createServer((client) => {
    const upstream = net.connect(targetPort, '127.0.0.1');
    const pair = { client, upstream };
    pairs.add(pair);
    client.pipe(upstream);
    upstream.pipe(client);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
  });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
  const relay = {
    port: front.address().port,
    /** Connections open now stay open and carry nothing more. */
    freeze() {
      for (const { client, upstream } of pairs) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        client.pause();
        upstream.pause();
      }
    },
    close() {
      leftovers.delete(relay.close);
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      front.close();
    },
  };
  leftovers.add(relay.close);
  return relay;
}

/** Figures are printed, never asserted. */
export function figure(name, value) {
  console.log(`figure: ${name}: ${value}`);
}
