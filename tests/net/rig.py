# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The rig of namespace tests: networks of our own, collector and agent on them, traffic, cleanup.

    from rig import Rig, run_test

    def test(rig):
        a, b = rig.netns("a"), rig.netns("b")
        rig.veth(a, "v0", b, "v1")
        rig.collector()
        agent = rig.agent(b, ["v1"])
        sent = rig.flood(a, "v0", b, "v1", packets=100000, flows=1000)
        rig.equal(agent.stop(), 0, "agent's exit code")
        rig.equal(rig.cli_json("audit")["…"], sent["packets"], "packets stored")

    if __name__ == "__main__":
        run_test(test)

Everything lives in a mount namespace of the test's own, with a bpffs and a temporary directory;
what was started is stopped and what was made is removed, whatever happens. A test that lacks
something calls rig.need() or rig.skip(): exit 77.
"""
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("BUILD", "build")))
TOOLS = os.path.join(BUILD, "tests/tools")
BIN = os.path.join(BUILD, "bin")
CLONE_NEWNS = 0x00020000
PR_SET_PDEATHSIG = 1
TIMEOUT = 60  # seconds any single event may take
LIBC = ctypes.CDLL(None, use_errno=True)


class Skip(Exception):
    """This machine lacks something."""


class Failed(Exception):
    """The code under test does."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One process that was started, its log, and how it ends."""

    def __init__(self, name, argv, log_path, pass_fds=(), **kwargs):
        self.name, self.argv, self.log_path = name, argv, log_path
        self._log = open(log_path, "ab")
        kwargs.setdefault("stdout", self._log)
        kwargs.setdefault("stderr", self._log)
        kwargs.setdefault("stdin", subprocess.DEVNULL)
        self.proc = subprocess.Popen(argv, pass_fds=pass_fds, preexec_fn=die_with_parent, **kwargs)
        self.pid = self.proc.pid

    def alive(self):
        return self.proc.poll() is None

    def signal(self, number):
        if self.alive():
            self.proc.send_signal(number)

    def wait(self, timeout=TIMEOUT):
        try:
            return self.proc.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} (pid {self.pid}) did not end within {timeout} s")

    def stop(self, timeout=TIMEOUT):
        """SIGTERM, and its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """kill -9 of this one process; its children are their own."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def children(self):
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
                return [int(p) for p in f.read().split()]
        except OSError:
            return []

    def cpu_seconds(self):
        """User and system time of this process and its children."""
        ticks = 0
        for pid in [self.pid, *self.children()]:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def rss_kb(self, pid=None, field="RssAnon"):
        """RssAnon leaves mapped tables out; VmRSS has all."""
        with open(f"/proc/{pid or self.pid}/status") as f:
            return int(re.search(rf"^{field}:\s*(\d+)", f.read(), re.M).group(1))

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()


class Netns:
    """A network namespace; its loopback is up."""

    def __init__(self, rig, name):
        self.rig, self.name = rig, name
        rig.sh("ip", "netns", "add", name)
        self.prefix = ["ip", "netns", "exec", name]

    def run(self, *argv, **kwargs):
        return self.rig.sh(*self.prefix, *argv, **kwargs)

    def json(self, *argv):
        return json.loads(self.run(*argv))

    def start(self, name, *argv, **kwargs):
        return self.rig.start(name, [*self.prefix, *argv], **kwargs)

    def tool(self, name, *argv, **kwargs):
        """Runs build/tests/tools/NAME, returns its JSON."""
        return json.loads(self.run(os.path.join(TOOLS, name), *map(str, argv), **kwargs))

    def counters(self, dev):
        """{'rx': {'packets', 'bytes', 'dropped', …}, 'tx': {…}} as the kernel counts."""
        return self.json("ip", "-j", "-s", "link", "show", "dev", dev)[0]["stats64"]

    def ifindex(self, dev):
        return self.json("ip", "-j", "link", "show", "dev", dev)[0]["ifindex"]


class Rig:
    def __init__(self, name):
        self.name = name
        self.processes, self.namespaces, self.mounts = [], [], []
        self.tmp = None
        self.listen = "127.0.0.1:9101"
        self.collector_ns = None

    # ---- start and end -------------------------------------------------------------------

    def __enter__(self):
        if os.geteuid() != 0:
            raise Skip("needs root")
        # Our mounts are ours: what a crash leaves behind goes with this process.
        if LIBC.unshare(CLONE_NEWNS):
            raise Skip(f"unshare -m: {os.strerror(ctypes.get_errno())}")
        self.sh("mount", "--make-rprivate", "/")
        self.tmp = tempfile.mkdtemp(prefix="wiretally-test.")
        os.chmod(self.tmp, 0o755)  # an unprivileged collector has to get through
        os.mkdir(f"{self.tmp}/bpf")
        self.sh("mount", "-t", "bpf", "bpf", f"{self.tmp}/bpf")
        self.mounts.append(f"{self.tmp}/bpf")
        return self

    def __exit__(self, kind, value, trace):
        if kind and kind is not Skip:
            self.show_logs()
        for p in reversed(self.processes):
            if p.alive():
                p.proc.kill()
                p.proc.wait()
        for ns in reversed(self.namespaces):
            subprocess.run(["ip", "netns", "del", ns.name], check=False)
        for m in reversed(self.mounts):
            subprocess.run(["umount", m], check=False)
        if self.tmp and not os.environ.get("KEEP"):
            shutil.rmtree(self.tmp, ignore_errors=True)

    def show_logs(self, lines=40):
        for p in self.processes:
            tail = p.log().splitlines()[-lines:]
            print(f"--- {p.name} (pid {p.pid}, exit {p.proc.poll()}): {' '.join(p.argv)}")
            print("\n".join(tail))

    def sh(self, *argv, check=True, timeout=300, **kwargs):
        """Runs to the end and returns stdout; anything but exit 0 fails the test."""
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           timeout=timeout, stdin=subprocess.DEVNULL,
                           preexec_fn=die_with_parent, **kwargs)
        if check and r.returncode:
            raise Failed(f"{' '.join(argv)}: exit {r.returncode}: {r.stderr.strip()[-2000:]}")
        return r.stdout

    def start(self, name, argv, **kwargs):
        p = Process(name, list(map(str, argv)), f"{self.tmp}/{name}.{len(self.processes)}.log",
                    **kwargs)
        self.processes.append(p)
        return p

    def start_ready(self, name, argv, timeout=TIMEOUT, **kwargs):
        """Starts a program that takes --ready-fd, returns when it has written there."""
        r, w = os.pipe()
        p = self.start(name, [*argv, "--ready-fd", w], pass_fds=(w,), **kwargs)
        os.close(w)
        with os.fdopen(r, "rb", buffering=0) as pipe:
            os.set_blocking(r, False)
            self.wait_until(lambda: pipe.read(1) is not None, f"{name} ready", timeout)
            if not p.alive():
                raise Failed(f"{name} ended at start, exit {p.proc.poll()}")
        return p

    # ---- judging -------------------------------------------------------------------------

    def skip(self, why):
        raise Skip(why)

    def need(self, *programs):
        for p in programs:
            if not shutil.which(p):
                raise Skip(f"needs {p}")

    def check(self, claim, what):
        if not claim:
            raise Failed(what)

    def equal(self, got, want, what):
        if got != want:
            raise Failed(f"{what}: got {got!r}, want {want!r}")

    def wait_until(self, claim, what, timeout=TIMEOUT, pause=0.02):
        """Returns claim()'s first true value. The pause (s) only spares the CPU."""
        end = time.monotonic() + timeout
        while True:
            value = claim()
            if value:
                return value
            if time.monotonic() > end:
                raise Failed(f"{what}: not within {timeout} s")
            time.sleep(pause)

    # ---- networks ------------------------------------------------------------------------

    def netns(self, name, ipv6=False):
        """Without ipv6 nothing but the test's own packets moves."""
        ns = Netns(self, f"wt{os.getpid()}{name}")
        self.namespaces.append(ns)
        for scope in ("all", "default"):
            conf = f"net.ipv6.conf.{scope}"
            ns.run("sysctl", "-qw", f"{conf}.disable_ipv6={int(not ipv6)}", f"{conf}.accept_dad=0",
                   f"{conf}.router_solicitations=0")
        ns.run("ip", "link", "set", "lo", "up")
        return ns

    def veth(self, a, a_dev, b, b_dev, a_addr=(), b_addr=(), mtu=1500, gro=True):
        """A veth pair, up at both ends. Addresses: 'ADDR/BITS', as many as wanted. GRO on: it
        takes frames that XDP redirects, at the price of merging what TCP sends."""
        a.run("ip", "link", "add", a_dev, "mtu", str(mtu), "type", "veth",
              "peer", "name", b_dev, "mtu", str(mtu), "netns", b.name)
        for ns, dev, addrs in ((a, a_dev, a_addr), (b, b_dev, b_addr)):
            for addr in [addrs] if isinstance(addrs, str) else addrs:
                extra = ["nodad"] if ":" in addr else []
                ns.run("ip", "addr", "add", addr, "dev", dev, *extra)
            ns.run("ip", "link", "set", dev, "up")
            if gro:  # once it is up: only then NAPI starts with it
                ns.run("ethtool", "-K", dev, "gro", "on")
        for ns, dev in ((a, a_dev), (b, b_dev)):
            self.wait_until(lambda: "LOWER_UP" in ns.run("ip", "link", "show", "dev", dev),
                            f"{dev} up")

    # ---- traffic -------------------------------------------------------------------------

    def flood(self, ns, dev, peer_ns=None, peer=None, **options):
        """flood's JSON; options as on its command line: packets=, flows=, mode=, ipv6=True…
        With peer: fails unless every packet arrived there (lossy=True to allow it)."""
        lossy = options.pop("lossy", False)
        argv = ["--dev", dev]
        if peer:
            argv += ["--check-dev", peer, "--check-netns", peer_ns.name]
        for key, value in options.items():
            argv += [f"--{key.replace('_', '-')}"] + ([] if value is True else [str(value)])
        sent = ns.tool("flood", *argv)
        self.equal(sent["refused"], 0, "frames that flood's own program refused")
        if peer and not lossy:
            self.equal(sent["check"]["missing"], 0, f"packets lost before {peer}")
        return sent

    def replay(self, ns, dev, *files):
        """One dict a file, as tests/tools/replay prints them."""
        out = ns.run(os.path.join(TOOLS, "replay"), dev, *files)
        return [json.loads(line) for line in out.splitlines()]

    def dropper(self, ns, dev, hook, every):
        """A foreign program at hook; .stop() detaches it, .log() ends with its counts."""
        p = ns.start("dropper", os.path.join(TOOLS, "dropper"), dev, hook, every)
        self.wait_until(lambda: "ready" in p.log() or not p.alive(), "dropper ready")
        self.check(p.alive(), f"dropper at {hook} ended: {p.log()}")
        return p

    # ---- the programs under test ---------------------------------------------------------

    def program(self, name):
        path = os.path.join(BIN, name)
        self.check(os.path.exists(path), f"{path} is not built")
        return path

    def collector(self, ns=None, data=None, user=None, *extra):
        """Starts the collector (in a namespace of its own unless told) and waits for it."""
        self.collector_ns = ns or self.collector_ns or self.netns("c")
        data = data or f"{self.tmp}/data"
        os.makedirs(data, exist_ok=True)
        argv = [*self.collector_ns.prefix, self.program("wiretally-collector"), "--data", data,
                "--listen", self.listen, "--socket", f"{self.tmp}/collector.sock", *extra]
        if user:
            argv += ["--user", user]
        return self.start_ready("collector", argv)

    def agent(self, ns, interfaces, *extra, hook="auto", interval="5s", memory="64M",
              agent_id="test-agent", pin=False, run_dir=None, collector=None):
        """Starts the agent in ns and waits until its hooks are attached. pin=True: under the
        rig's own bpffs."""
        run_dir = run_dir or f"{self.tmp}/run-{agent_id}"
        os.makedirs(run_dir, exist_ok=True)
        argv = [*ns.prefix, self.program("wiretally-agent")]
        for i in interfaces:
            argv += ["-i", i]
        argv += ["--hook", hook, "--interval", interval, "--memory", memory,
                 "--collector", collector or f"unix:{self.tmp}/collector.sock",
                 "--status-socket", f"{run_dir}/status.sock", "--run-dir", run_dir,
                 "--spool-dir", f"{self.tmp}/spool",
                 "--agent-id", agent_id, "--pin", self.pin_dir() if pin else "none", *extra]
        return self.start_ready("agent", argv)

    def pin_dir(self):
        return f"{self.tmp}/bpf/wiretally"

    def cli_run(self, *args, check=True):
        """wiretally ARGS against the collector: (exit code, stdout, stderr)."""
        argv = [*self.collector_ns.prefix, self.program("wiretally"), *map(str, args)]
        if not any(str(a).startswith("--url") for a in args):
            argv += ["--url", f"http://{self.listen}"]
        r = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           stdin=subprocess.DEVNULL, timeout=120)
        if check and r.returncode:
            raise Failed(f"wiretally {' '.join(map(str, args))}: exit {r.returncode}: "
                         f"{(r.stderr or r.stdout).strip()[-2000:]}")
        return r.returncode, r.stdout, r.stderr

    def cli(self, *args):
        return self.cli_run(*args)[1]

    def cli_json(self, *args):
        return json.loads(self.cli(*args, "--json"))

    def metric(self, name):
        """One value of the collector's /metrics; name with its labels as printed there."""
        for line in self.http("/metrics").splitlines():
            key, _, value = line.rpartition(" ")
            if key == name:
                return float(value)
        raise Failed(f"/metrics has no '{name}'")

    def wait_stored(self):
        """Until all that was acknowledged is in the store and queries see it."""
        self.wait_until(lambda: self.metric("wiretally_collector_queue_batches") == 0,
                        "batches committed")

    def http(self, path, *curl_args):
        """GET from the collector's API, as text."""
        return self.collector_ns.run("curl", "-sS", "--max-time", "60", *curl_args,
                                     f"http://{self.listen}{path}")


def run_test(*tests):
    """Each function gets a rig of its own, in a process of its own. All must pass; the script
    skips when one of them does: a skip is never silent."""
    skips = []
    for test in tests:
        pid = os.fork()
        if pid == 0:
            os._exit(run_one(test))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code == 77:
            skips.append(test.__name__)
        elif code:
            sys.exit(1)
    if skips:
        print(f"skipped: {', '.join(skips)}")
    sys.exit(77 if skips else 0)


def run_one(test):
    code = 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        with Rig(test.__name__) as rig:
            test(rig)
        print(f"ok: {test.__name__}")
    except Skip as e:
        print(f"{test.__name__}: {e}")
        code = 77
    except Failed as e:
        print(f"FAILED: {test.__name__}: {e}")
        code = 1
    except BaseException:
        traceback.print_exc(file=sys.stdout)
        code = 1
    sys.stdout.flush()
    return code
