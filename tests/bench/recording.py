#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""recording.py --dinh DINH [--mode tracks|program|both] [--people N] [--seconds S] [--repeat N] [--realtime]

What a recording costs, and what a meeting notices of it: N people who publish 1 Mbit/s and
see and hear each other, first without a recording and then with one, on the same server. With
--realtime the media threads and the load (not the job) go before all else that the machine does, so
that what others do on it is not measured. Prints figures; asserts nothing.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
import urllib.request

import bench

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


def request(url, token, method, path, body=None):
    head = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url + path, data, head, method=method)) as answer:
        text = answer.read()
        return json.loads(text) if text else {}


def goes_first(pid):
    """The media threads of a server, and then each `dinh load`."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm") as name:
            if name.read().startswith("media-"):
                subprocess.run(["chrt", "-f", "-p", "1", thread], check=True)
    plain = bench.run
    bench.run = lambda words, **more: plain(["chrt", "-f", "1", *words] if "load" in words else words, **more)


def children(pid):
    """pid and all below it."""
    found = [pid]
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == pid:
                found += children(int(name))
    return found


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / CLOCK_TICKS


def figures(name, results):
    def middle(*path):
        values = []
        for result in results:
            for key in path:
                result = result[key]
            values.append(result)
        return statistics.median(values)

    print(f"figure: {name}: sound p50 {middle('sound', 'latency_ms', 'p50'):.2f} p99 {middle('sound', 'latency_ms', 'p99'):.2f} ms, "
          f"picture p50 {middle('picture', 'latency_ms', 'p50'):.2f} p99 {middle('picture', 'latency_ms', 'p99'):.2f} ms, "
          f"media plane {middle('server', 'cpu_percent'):.1f} % of a core", flush=True)


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--dinh", required=True)
    words.add_argument("--mode", default="tracks")
    words.add_argument("--people", type=int, default=10)
    words.add_argument("--seconds", type=int, default=10)
    words.add_argument("--repeat", type=int, default=3)
    words.add_argument("--realtime", action="store_true")
    args = words.parse_args()
    without, during, job_percents = [], [], []

    with bench.server(args.dinh, cores="0,1") as target:
        url, meeting, _, pid = target
        data = next(w for w in open(f"/proc/{pid}/cmdline").read().split("\0") if "dinh-bench-" in w)
        chair = bench.run([args.dinh, "token", "--data", data, "--meeting", meeting, "--role", "chair"]).strip()
        if args.realtime:
            goes_first(pid)
        plan = dict(publishers=args.people, subscribers=args.people, join=1, watch=args.people - 1)
        for _ in range(args.repeat):
            without.append(bench.load(args.dinh, target, args.seconds, **plan))
            recording = request(url, chair, "POST", f"/api/v1/meetings/{meeting}/recordings", {"mode": args.mode})
            time.sleep(3)
            jobs = [child for child in children(pid) if child != pid]
            before, began = cpu_seconds(jobs), time.monotonic()
            during.append(bench.load(args.dinh, target, args.seconds, **plan))
            job_percents.append(100 * (cpu_seconds(jobs) - before) / (time.monotonic() - began))
            ident = recording.get("id") or recording["recording"]["id"]
            request(url, chair, "POST", f"/api/v1/recordings/{ident}/stop", {})
            time.sleep(2)
    figures(f"{args.people} people, no recording", without)
    figures(f"{args.people} people, recording {args.mode}", during)
    print(f"figure: recording {args.mode} of {args.people} people: the job takes {statistics.median(job_percents):.1f} % of a core")


if __name__ == "__main__":
    main()
