#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""bench.py --dinh DINH --floor FLOOR [--quick] [--only a,c] [--repeat N] [--json FILE] [--before DINH] [--together]

Runs `dinh serve` pinned to the first core and `dinh load` pinned to the second, and
beside each the paced floor (floor.c) on the same cores at the same rate. Prints a
table; medians of N runs. It asserts nothing: figures are for people.
--together: all that is compared runs at the same time, on the same cores.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

SERVER_CORE, LOAD_CORE = 0, 1
VIDEO_KBPS, FPS, KEY_SECONDS, KEY_RATIO = 1000, 25, 3, 10
SIMULCAST_KBPS = 600  # the layer that is watched in (e)

# What `dinh load` is told, and what the floor is: publishers, receivers, sounds, pictures, kbit/s.
SCENES = {
    "a": ("1 -> 100", dict(publishers=1, subscribers=100, join=3), (1, 100, 1, 1, VIDEO_KBPS)),
    "b": ("10 <-> 10", dict(publishers=10, subscribers=10, join=1, watch=9), (10, 10, 3, 9, VIDEO_KBPS)),
    "c": ("1 -> 300", dict(publishers=1, subscribers=300, join=4), (1, 300, 1, 1, VIDEO_KBPS)),
    "d": ("1 -> 1,000", dict(publishers=1, subscribers=1000, join=10), (1, 1000, 1, 1, VIDEO_KBPS)),
    "e": (
        "conference: 3 -> 960",
        dict(publishers=3, subscribers=960, join=10, watch=3, pictures=1, height=360, simulcast=True),
        (3, 960, 3, 1, SIMULCAST_KBPS),
    ),
}
SILENT_MEMBERS = 500
SETTLED_SECONDS = 22  # what handshakes needed is given back 20 s after the last one


def run(words, **more):
    return subprocess.run(words, check=True, capture_output=True, text=True, **more).stdout


@contextlib.contextmanager
def server(dinh, workers=1, cores=str(SERVER_CORE)):
    """(base URL, meeting, token, pid) of a server on a data folder of its own."""
    data = tempfile.mkdtemp(prefix="dinh-bench-")
    child = subprocess.Popen(
        ["taskset", "-c", cores, dinh, "serve", "--data", data, "--http", "127.0.0.1:0", "--media-address", "127.0.0.1",
         "--media-port", "0", "--workers", str(workers)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        ready = re.search(r"http=(\S+)", child.stdout.readline())
        if not ready:
            sys.exit(f"{dinh} does not start")
        meeting = json.loads(run([dinh, "meeting", "create", "--data", data, "--title", "Bench", "--json"]))["id"]
        token = run([dinh, "token", "--data", data, "--meeting", meeting, "--role", "presenter"]).strip()
        yield f"http://{ready[1]}", meeting, token, child.pid
    finally:
        child.terminate()
        child.wait(timeout=30)
        shutil.rmtree(data, ignore_errors=True)


def load(dinh, target, seconds, publishers, subscribers, join, watch=None, pictures=None, height=None, simulcast=False,
         kbps=VIDEO_KBPS, more=()):
    url, meeting, token, pid = target
    words = ["taskset", "-c", str(LOAD_CORE), dinh, "load", "--url", url, "--meeting", meeting, "--token", token,
             "--publishers", publishers, "--subscribers", subscribers, "--join-seconds", join, "--duration", seconds,
             "--fps", FPS, "--keyframe-seconds", KEY_SECONDS, "--keyframe-ratio", KEY_RATIO, "--pacing-percent", 0,
             "--server-pid", pid, "--json"]
    for name, value in (("--watch", watch), ("--pictures", pictures), ("--height", height)):
        if value is not None:
            words += [name, value]
    words += ["--simulcast"] if simulcast else ["--video-kbps", kbps]
    result = json.loads(run([str(word) for word in words + list(more)]))
    if result["limit"] == "dead":
        sys.exit(result["verdict_en"])
    return result


def floor(program, plan, seconds):
    words = [program, *plan, FPS, KEY_SECONDS, KEY_RATIO, 0, seconds, SERVER_CORE, LOAD_CORE]
    return json.loads(run([str(word) for word in words]))


def median(results, *path):
    values = []
    for result in results:
        for key in path:
            result = result and result.get(key)
        if result is not None:
            values.append(result)
    return statistics.median(values) if values else None


def text(value, digits=1):
    return "n/a" if value is None else f"{value:,.{digits}f}"


def ratio(value, base):
    return None if value is None or not base else value / base


def summarise(name, runs, floors):
    """One row: our figures, the floor's, and their ratios."""
    row = {
        "scene": name,
        "us": median(runs, "server", "us_per_packet"),
        "instructions": median(runs, "server", "instructions_per_packet"),
        "cpu": median(runs, "server", "cpu_percent"),
        "kb_per_session": median(runs, "server", "kb_per_session"),
        "loss": median(runs, "loss"),
        "sound_p50": median(runs, "sound", "latency_ms", "p50"),
        "sound_p99": median(runs, "sound", "latency_ms", "p99"),
        "picture_p50": median(runs, "picture", "latency_ms", "p50"),
        "picture_p99": median(runs, "picture", "latency_ms", "p99"),
        "withheld": median(runs, "picture", "withheld"),
        "joined": median(runs, "subscribers", "ok"),
        "limit": sorted({result["limit"] for result in runs}),
        "feedback": all(result["generator"]["feedback"] for result in runs),
        "gro": all(result["generator"]["gro"] for result in runs),
        "waited": median(runs, "server", "waited_percent"),
        "floor_us": median(floors, "us_per_packet"),
        "floor_instructions": median(floors, "instructions_per_packet"),
        "floor_sound_p50": median(floors, "sound_ms", "p50"),
        "floor_sound_p99": median(floors, "sound_ms", "p99"),
        "floor_picture_p50": median(floors, "picture_ms", "p50"),
        "floor_picture_p99": median(floors, "picture_ms", "p99"),
        "floor_lost": median(floors, "lost"),
    }
    row["ratio_us"] = statistics.median(
        one["server"]["us_per_packet"] / other["us_per_packet"] for one, other in zip(runs, floors))
    row["ratio_instructions"] = ratio(row["instructions"], row["floor_instructions"])
    row["ratio_p99"] = ratio(row["picture_p99"], row["floor_picture_p99"])
    return row


COLUMNS = ("", "us", "floor", "ratio", "instr.", "floor", "ratio", "CPU %", "lost %", "sound p50/p99 ms", "floor",
           "picture p50/p99 ms", "floor", "p99 ratio", "kB", "cc", "GRO", "wait %", "limit")
WIDTHS = (26, 6, 6, 6, 7, 7, 6, 6, 7, 16, 14, 18, 14, 9, 5, 3, 3, 6, 10)


def pair(low, high):
    return f"{text(low)} / {text(high)}"


def cells(title, row):
    return (title, text(row["us"], 2), text(row["floor_us"], 2), text(row["ratio_us"], 2), text(row["instructions"], 0),
            text(row["floor_instructions"], 0), text(row["ratio_instructions"], 2), text(row["cpu"]),
            text(100 * row["loss"], 3), pair(row["sound_p50"], row["sound_p99"]),
            pair(row["floor_sound_p50"], row["floor_sound_p99"]), pair(row["picture_p50"], row["picture_p99"]),
            pair(row["floor_picture_p50"], row["floor_picture_p99"]), text(row["ratio_p99"], 2),
            text(row["kb_per_session"], 0), "on" if row["feedback"] else "off", "on" if row["gro"] else "off",
            text(row["waited"], 0), ",".join(row["limit"]))


def print_row(title, row):
    line = [cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells(title, row), WIDTHS))]
    print(" ".join(line), flush=True)


def print_head():
    print(f"VP8 {VIDEO_KBPS} kbit/s (e: {SIMULCAST_KBPS}) in 1,100-byte packets + Opus 40 kbit/s; {FPS} fps, a key frame of "
          f"{KEY_RATIO} ordinary ones every {KEY_SECONDS} s, each frame sent at once; server on core {SERVER_CORE}, receivers on "
          f"core {LOAD_CORE}.\nus, instr.: of the whole server process per forwarded packet; floor: a bare program that sends the "
          "same, in the same run; cc: receivers send feedback for congestion control;\nwait: how much of the time other programs "
          "had the server's core; limit: what `dinh load` says was the limit.\n")
    print(" ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                   for i, (cell, width) in enumerate(zip(COLUMNS, WIDTHS))), flush=True)


def print_markdown(results):
    print("\n| " + " | ".join(COLUMNS) + " |\n|---|" + "--:|" * (len(COLUMNS) - 1))
    for key in SCENES:
        for which in ("after", "before"):
            row = results.get(key, {}).get(which)
            if row:
                title = f"({key}) {SCENES[key][0]}" + (", before" if which == "before" else "")
                print("| " + " | ".join(cells(title, row)) + " |")


def bench_once(args, key, seconds):
    """What `dinh load` says of this server, the floor, and of the older server or None."""
    _, words, plan = SCENES[key]
    # An older server may know no ?height=, and fewer offers a second.
    slow = dict(words, join=max(words["join"], words["subscribers"] // 80), height=None, simulcast=False, kbps=plan[4])

    def one(dinh, how):
        with server(dinh) as target:
            return load(args.dinh, target, seconds, **how)

    def bare():
        if args.together:
            time.sleep(words["join"] + 1)  # the others measure from then on
        return floor(args.floor, plan, seconds)

    jobs = [lambda: one(args.dinh, words), bare]
    if args.before:
        jobs.append(lambda: one(args.before, slow))
    with concurrent.futures.ThreadPoolExecutor(len(jobs) if args.together else 1) as pool:
        results = [job.result() for job in [pool.submit(job) for job in jobs]]
    return results if args.before else [*results, None]


def bench_scene(args, key, seconds, repeat):
    title = SCENES[key][0]
    # In turns at least, so that a noisy minute falls on all alike.
    runs, floors, olds = zip(*(bench_once(args, key, seconds) for _ in range(repeat)))
    result = {"title": title, "after": summarise(key, runs, floors), "runs": runs, "floors": floors}
    print_row(f"({key}) {title}", result["after"])
    if args.before:
        result["before"] = summarise(key, olds, floors)
        result["before_runs"] = olds
        print_row("    before", result["before"])
    return result


def print_storm(runs):
    """(e)'s 960 joins inside 10 s are the join storm."""
    for run_ in runs:
        who, sound = run_["subscribers"], run_["while_joining"]["sound_ms"]
        first = who["first_sound_ms"] or {}
        print(f"join storm: {who['ok']} joined, {who['failed']} failed, in {who['seconds']:.1f} s; first sound p50 "
              f"{text(first.get('p50'))} p99 {text(first.get('p99'))} max {text(first.get('max'))} ms; sound of those already "
              f"in p99 {text(sound and sound['p99'])} ms (told to slow down {who['too_fast']} times)")


def bench_silent(args, members, seconds):
    with server(args.dinh) as target:
        result = load(args.dinh, target, seconds, publishers=0, subscribers=members, join=6, pictures=4,
                      more=["--settle-seconds", str(SETTLED_SECONDS)])
    cost, media_cost = (result["server"][name] * 1e4 / max(result["subscribers"]["ok"], 1)
                        for name in ("cpu_percent", "media_cpu_percent"))
    print(f"silent members: {result['subscribers']['ok']} connected, {result['server']['kb_per_session']:.1f} kB each, "
          f"{cost:.1f} us of CPU a second each while nobody speaks ({media_cost:.1f} of them the media thread's)")
    return {"members": members, "us_per_second": cost, "run": result}


def bench_settled(args):
    """(d)'s memory without what its handshakes needed."""
    with server(args.dinh) as target:
        result = load(args.dinh, target, 3, **SCENES["d"][1], more=["--settle-seconds", str(SETTLED_SECONDS)])
    print(f"settled: {result['subscribers']['ok']} watch, {result['server']['kb_per_session']:.1f} kB each {SETTLED_SECONDS} s after "
          "the last join")
    return result


def bench_workers(args, seconds):
    """One worker and two: both cores for the server, one of them shared with the generator."""
    results = {}
    for workers in (1, 2):
        with server(args.dinh, workers, f"{SERVER_CORE},{LOAD_CORE}") as target:
            result = load(args.dinh, target, seconds, **SCENES["c"][1])
        results[workers] = result
        print(f"workers {workers}: (c) {result['server']['us_per_packet']:.2f} us a packet, "
              f"{result['server']['cpu_percent']:.1f} % of a core, lost {100 * result['loss']:.3f} %, sound p99 "
              f"{text(median([result], 'sound', 'latency_ms', 'p99'))} ms")
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dinh", required=True)
    parser.add_argument("--floor", required=True)
    parser.add_argument("--before", help="an older server, measured in the same run")
    parser.add_argument("--together", action="store_true", help="servers and floor at the same time: a noisy machine falls on "
                        "all alike, so ratios are good and the rest is not")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--markdown", action="store_true", help="the table once more, for docs/performance.md")
    args = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the server, one for the receivers")
    wanted = args.only.split(",") if args.only else ["a", "b"] if args.quick else [*SCENES, "silent", "settled", "workers"]
    seconds, repeat = (3, 1) if args.quick else (8, args.repeat)
    results = {}
    if any(key in SCENES for key in wanted):
        print_head()
    for key in [key for key in SCENES if key in wanted]:
        results[key] = bench_scene(args, key, seconds, repeat)
    print()
    if "e" in results:
        print_storm(results["e"]["runs"])
    if "silent" in wanted:
        results["silent"] = bench_silent(args, SILENT_MEMBERS, seconds)
    if "settled" in wanted:
        results["settled"] = bench_settled(args)
    if "workers" in wanted:
        results["workers"] = bench_workers(args, seconds)
    if args.markdown:
        print_markdown(results)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
