#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""webrtcbin_whip.py DINH [vp8|vp9] — WHIP in and WHEP out through a real server.

A webrtcbin publishes; two others watch it, one by name and one as the active
speaker; each restarts ICE in the middle; then the requests that must be refused. Prints "ok" at the end.
"""

import contextlib
import json
import pathlib
import select
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PEER = str(pathlib.Path(__file__).with_name("webrtcbin_peer.py"))


def check(condition, what):
    if not condition:
        sys.exit(f"failed: {what}")


def wait_line(process, prefix, seconds):
    """The first line of the process's output that begins with prefix."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        line = process.stdout.readline()
        if not line or line.startswith(prefix):
            check(line, f"{process.args[:2]} ended before it said {prefix!r}")
            return line
    sys.exit(f"failed: {process.args[:2]} did not say {prefix!r} in {seconds} s")


@contextlib.contextmanager
def running(arguments):
    # Unbuffered, so that select() and readline() see the same bytes.
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, bufsize=0) as process:
        process.stdout = Lines(process.stdout)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=20)


class Lines:
    """readline() as text over an unbuffered pipe."""

    def __init__(self, raw):
        self.raw = raw

    def fileno(self):
        return self.raw.fileno()

    def readline(self):
        return self.raw.readline().decode(errors="replace").rstrip("\n")

    def close(self):
        self.raw.close()


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


def post_status(url, token, body=b"hello world"):
    """Status and error code of a request that is to be refused."""
    request = urllib.request.Request(url, data=body, method="POST")
    request.add_header("Authorization", f"Bearer {token}")
    request.add_header("Content-Type", "application/sdp")
    try:
        with urllib.request.urlopen(request, timeout=5) as response:
            return response.status, None
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["code"]


def watch(url, token, codec):
    """One subscriber from its offer over an ICE restart to moving pictures and sound."""
    with running([PEER, "subscribe", url, token, "20", codec]) as subscriber:
        print(wait_line(subscriber, "first frame", 25))
        check(wait_line(subscriber, "ok", 5) == "ok", url)
        check(subscriber.wait(timeout=5) == 0, f"{url}: exit code")


def refuse(base, meeting, token):
    whip = f"{base}/whip/{meeting}"
    cases = [
        ("not SDP", whip, token, 400, "sdp-malformed"),
        ("wrong token", whip, token + "x", 401, "token-invalid"),
        ("taken id", f"{whip}?id=studio", token, 409, None),
        ("not SDP to WHEP", f"{base}/whep/{meeting}", token, 400, "sdp-malformed"),
    ]
    for name, url, bearer, status, code in cases:
        answer = post_status(url, bearer)
        check(answer[0] == status and code in (None, answer[1]), f"{name}: {answer}")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    dinh, codec = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "vp8"
    with tempfile.TemporaryDirectory(prefix="dinh-whip-") as data:
        meeting = json.loads(
            run(dinh, "meeting", "create", "--data", data, "--title", "WHIP", "--json")
        )["id"]
        token = run(dinh, "token", "--data", data, "--meeting", meeting, "--role", "presenter")
        serve = [dinh, "serve", "--data", data, "--http", "127.0.0.1:0"]
        serve += ["--media-address", "127.0.0.1", "--media-port", "0", "--workers", "1"]
        with running(serve) as server:
            ready = wait_line(server, "ready ", 20)
            base = next(word[5:] for word in ready.split() if word.startswith("http="))
            base = base if base.startswith("http") else f"http://{base}"
            publish = f"{base}/whip/{meeting}?id=studio&name=Studio"
            with running([PEER, "publish", publish, token, "90", codec]) as publisher:
                wait_line(publisher, "answered", 10)
                wait_line(publisher, "restarted", 10)
                watch(f"{base}/whep/{meeting}?publishers=studio", token, codec)
                watch(f"{base}/whep/{meeting}", token, codec)
                refuse(base, meeting, token)
                check(publisher.poll() is None, "the publisher goes on")
            server.terminate()
            check(server.wait(timeout=20) == 0, "the server's exit code")
    print("ok")


if __name__ == "__main__":
    main()
