#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server as a supervisor sees it: ready, alive, stopping. Argument: the program."""
import os
import signal
import socket
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ear.bind(f"{folder}/notify")
    ear.settimeout(60)
    env = dict(os.environ, NOTIFY_SOCKET=f"{folder}/notify", WATCHDOG_USEC="1000000")
    server = subprocess.Popen(
        [sys.argv[1], "serve", "--data", f"{folder}/data", "--http", "127.0.0.1:0", "--media-port", "0",
         "--media-address", "127.0.0.1", "--workers", "1"],
        env=env, stdout=subprocess.PIPE, text=True)
    try:
        said = [ear.recv(100) for _ in range(4)]
        assert said == [b"READY=1"] + 3 * [b"WATCHDOG=1"], said
        assert server.stdout.readline().startswith("ready "), "it says so when it is"
        server.send_signal(signal.SIGTERM)
        while (last := ear.recv(100)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1", last
        assert server.wait(60) == 0
    finally:
        server.kill()
