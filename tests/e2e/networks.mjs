// SPDX-License-Identifier: Apache-2.0
// Two machines of one test, as network namespaces with a cable between them; nothing of the real network is touched.
// They are in a user namespace of their own, so that nobody needs to be root.
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { launch, onCleanUp, temporaryFolder, until } from './harness.mjs';

/** A process that does nothing but hold its namespaces. */
async function holder(command) {
  const child = spawn(command[0], [...command.slice(1), 'sh', '-c', 'echo ready; exec sleep infinity'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code}`)));
  });
  return child;
}

export class Machine {
  constructor(child) {
    this.child = child;
    this.wrap = ['nsenter', '-t', String(child.pid), '-U', '-n', '--preserve-credentials'];
  }

  run(...words) {
    return execFileSync(this.wrap[0], [...this.wrap.slice(1), ...words], { encoding: 'utf8' });
  }

  /** True when a TCP connection opens. */
  reaches(address, port) {
    const script = `require('net').connect(${port}, '${address}').on('connect', () => process.exit(0)).on('error', () => process.exit(1));`;
    try {
      this.run(process.execPath, '-e', script);
      return true;
    } catch {
      return false;
    }
  }

  /** Chromium on this machine. */
  browser(...args) {
    const script = path.join(temporaryFolder(), 'chromium');
    writeFileSync(script, `#!/bin/sh\nexec ${this.wrap.join(' ')} /usr/bin/chromium "$@"\n`);
    chmodSync(script, 0o755);
    return launch(args, script);
  }
}

/** {server, hall}: 10.77.1.1 and 10.77.1.2 on one cable. */
export async function twoMachines() {
  const first = await holder(['unshare', '--user', '--map-root-user', '--net']);
  const server = new Machine(first);
  const second = await holder([...server.wrap, 'unshare', '--net']);
  const hall = new Machine(second);
  const close = () => {
    second.kill('SIGKILL');
    first.kill('SIGKILL');
  };
  onCleanUp(close);
  server.run('ip', 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'cable', 'netns', String(second.pid));
  for (const [machine, address] of [[server, '10.77.1.1/24'], [hall, '10.77.1.2/24']]) {
    machine.run('ip', 'addr', 'add', address, 'dev', 'cable');
    machine.run('ip', 'link', 'set', 'cable', 'up');
    machine.run('ip', 'link', 'set', 'lo', 'up');
  }
  hall.run('ip', 'route', 'add', 'default', 'via', '10.77.1.1');
  // Chromium gives up what it loads when an address becomes valid meanwhile.
  for (const machine of [server, hall])
    await until(() => machine.run('ip', '-6', '-o', 'addr', 'show', 'tentative').trim() === '', 'IPv6 addresses to become valid');
  return { server, hall, close };
}
