#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What viewers of a live stream cost the server: a folder is written as the encoder writes it, and `dinh load hls` plays it.

The server is server_host (the HTTP server alone), on the first core; the players and the writer are on the second.
"""
import argparse, json, os, shutil, subprocess, tempfile, threading, time

KEY = 'live-key-of-this-test_'
SEGMENT_S, KEPT = 2, 10
KBPS = {'720': 800, '360': 400, 'audio': 48}


def put(path, data):
    with open(path + '.new', 'wb') as f:
        f.write(data)
    os.rename(path + '.new', path)


def date(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds)) + '.%03dZ' % (seconds % 1 * 1000)


class Writer(threading.Thread):
    """A live folder, at real pace: a segment each two seconds, its playlist after it, both whole."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.folder, self.ends = folder, threading.Event()
        lines = ['#EXTM3U', '#EXT-X-VERSION:7']
        for name, kbps in KBPS.items():
            os.mkdir(f'{folder}/{name}')
            put(f'{folder}/{name}/init.mp4', os.urandom(800))
            lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={kbps * 1000}', f'{name}/index.m3u8']
        put(f'{folder}/index.m3u8', '\n'.join(lines + ['']).encode())
        self.begun = time.time() - 4 * SEGMENT_S
        for n in range(4):
            self.write(n)

    def write(self, n):
        for name, kbps in KBPS.items():
            put(f'{self.folder}/{name}/{n}.m4s', os.urandom(kbps * 1000 // 8 * SEGMENT_S))
            first = max(0, n - KEPT + 3)
            lines = ['#EXTM3U', '#EXT-X-VERSION:7', f'#EXT-X-TARGETDURATION:{SEGMENT_S}', f'#EXT-X-MEDIA-SEQUENCE:{first}',
                     '#EXT-X-MAP:URI="init.mp4"', f'#EXT-X-PROGRAM-DATE-TIME:{date(self.begun + first * SEGMENT_S)}']
            for i in range(first, n + 1):
                lines += [f'#EXTINF:{SEGMENT_S:.3f},', f'{i}.m4s']
            put(f'{self.folder}/{name}/index.m3u8', '\n'.join(lines + ['']).encode())
            if n >= KEPT:
                os.unlink(f'{self.folder}/{name}/{n - KEPT}.m4s')

    def run(self):
        n = 4
        while not self.ends.wait(max(0, self.begun + (n + 1) * SEGMENT_S - time.time())):
            self.write(n)
            n += 1


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--dinh', required=True)
    p.add_argument('--host', required=True, help='server_host')
    p.add_argument('--viewers', type=int, default=500)
    p.add_argument('--duration', type=int, default=20)
    p.add_argument('--only', choices=['http', 'https'])
    p.add_argument('--perf', help='writes a profile of the server here')
    a = p.parse_args()
    folder = tempfile.mkdtemp(prefix='dinh-hls-')
    subprocess.run([a.host, folder], check=True)
    cert = next(f'{folder}/{f}' for f in os.listdir(folder) if 'cert' in f)
    key = next(f'{folder}/{f}' for f in os.listdir(folder) if 'key' in f)
    live = f'{folder}/live'
    os.mkdir(live)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    writer = Writer(live)
    server = subprocess.Popen(['taskset', '-c', '0', a.host, '127.0.0.1:0', '127.0.0.1:0', '-', cert, key, '-', folder, '0', '-', live],
                              stdout=subprocess.PIPE, text=True)
    try:
        ports = dict(zip(['http', 'https'], server.stdout.readline().split()[1:]))
        writer.start()
        print(f'| {a.viewers} viewers | CPU % | MB/s | a segment p50 / p99 ms | behind p50 / p99 ms | late | failures | kB |')
        print('|---|--:|--:|--:|--:|--:|--:|--:|')
        for scheme in [a.only] if a.only else ['http', 'https']:
            perf = a.perf and subprocess.Popen(['perf', 'record', '-e', 'cpu-clock', '-g', '-o', f'{a.perf}.{scheme}', '-p', str(server.pid)],
                                               stderr=subprocess.DEVNULL)
            out = subprocess.run([a.dinh, 'load', 'hls', '--url', f'{scheme}://127.0.0.1:{ports[scheme]}/live/{KEY}/index.m3u8', '--viewers', str(a.viewers),
                                  '--rendition', '720', '--duration', str(a.duration), '--insecure', '--json', '--server-pid', str(server.pid)],
                                 stdout=subprocess.PIPE, check=True).stdout
            if perf:
                perf.terminate()
                perf.wait()
            r = json.loads(out)
            took, behind = r['segment_ms'], r['behind_ms']
            print(f"| {scheme}, {r['playing']} play | {r['server']['cpu_percent']:.2f} | {r['bytes_per_second'] / 1e6:.1f} | {took['p50']:.1f} / {took['p99']:.1f} "
                  f"| {behind['p50']:.0f} / {behind['p99']:.0f} | {r['late']} | {r['failures']} {r['first_failure']} | {r['server']['resident_kb']} |", flush=True)
    finally:
        writer.ends.set()
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


main()
