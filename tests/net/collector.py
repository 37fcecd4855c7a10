# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""A collector of one's own in a folder of its own, and batches for it."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile

BUILD = os.environ.get("BUILD", "build")
COLLECTOR = f"{BUILD}/bin/wiretally-collector"
BATCHGEN = f"{BUILD}/tests/tools/batchgen"
PROTOBUF = {"Content-Type": "application/x-protobuf"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Collector:
    all = []

    def __init__(self, folder, *options, prefix=()):
        self.folder, self.socket = folder, f"{folder}/run/collector.sock"
        ready, write = os.pipe()
        self.log = open(f"{folder}/log", "a+")
        start = self.log.seek(0, 2)
        self.process = subprocess.Popen(
            [*prefix, COLLECTOR, "--data", f"{folder}/data", "--socket", self.socket,
             "--listen", "127.0.0.1:0", "--ready-fd", str(write), *options],
            stderr=self.log, pass_fds=[write])
        self.all.append(self)
        os.close(write)
        self.is_ready = os.read(ready, 2) == b"1\n"
        os.close(ready)
        self.log.seek(start)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.log.read())
        self.port = int(found.group(1)) if found else None

    def request(self, method, path, body=None, headers={}, unix=False):
        c = (UnixConnection(self.socket) if unix
             else http.client.HTTPConnection("127.0.0.1", self.port, timeout=60))
        try:
            c.request(method, path, body, headers)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all of the body was read: the answer is there
        r = c.getresponse()
        r.text = r.read().decode()
        c.close()
        return r

    def get(self, path):
        r = self.request("GET", path)
        assert r.status == 200, f"{path}: {r.status} {r.text}"
        return json.loads(r.text)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)


def folder():
    path = tempfile.mkdtemp(prefix="wt-http-")
    os.chmod(path, 0o755)
    return path


def batchgen(c, *options):
    p = subprocess.run([BATCHGEN, "--socket", c.socket, *map(str, options)],
                       stdout=subprocess.PIPE, text=True)
    return [int(line.split()[1]) for line in p.stdout.splitlines()]


def body(*options):
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run([BATCHGEN, "--out", f.name, *map(str, options)], check=True)
        return f.read()


def expect(what, have, want):
    assert have == want, f"{what}: {have!r}, want {want!r}"
