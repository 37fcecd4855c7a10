#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Config files and SIGHUP: what is wrong is said with its place and changes nothing; what is right is
taken, under load, without losing a packet."""
import json
import os
import re
import signal
import sys

from ledger import agent_status, audit, settled
from rig import TOOLS, run_test


def write(path, text):
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def check(rig, program, text):
    """Exit code and what it says of a file."""
    path = f"{rig.tmp}/check.yaml"
    write(path, text)
    p = rig.start(f"check-{program}", [rig.program(program), "--config", path, "--check"])
    return p.wait(), p.log()


def checks(rig):
    rig.equal(check(rig, "wiretally-collector", "keep: {raw: 2h, minute: 3d}\nmax-disk: 2G\n"),
              (0, "wiretally-collector: all options are right\n"), "a right one")
    rig.equal(check(rig, "wiretally-agent", "interface: [eth0, 'veth*']\nsample: 'eth0=100'\n"),
              (0, "wiretally-agent: all options are right\n"), "an agent's")
    for program, text, want in (
            ("wiretally-collector", "lisen: x\n", "check.yaml:1:1: unknown option 'lisen'; did you"),
            ("wiretally-collector", "listen: [a, b]\n", "'a,b'"),
            ("wiretally-collector", "keep: {raw: 1s}\n", "'1s' is no time of an hour or more"),
            ("wiretally-collector", "sink: gopher://x\n", "want ipfix://HOST:PORT"),
            ("wiretally-agent", "deny: 10.0.0.0/99\n", "10.0.0.0/99"),
            ("wiretally-agent", "interval: 1ms\n", "check.yaml:1:11: interval: '1ms' is not from")):
        code, said = check(rig, program, text)
        rig.equal(code, 2, f"{program}: {text}: {said}")
        rig.check(want in said, f"{want} in {said}")


def agent_reloads(rig):
    """Interval, sampling and filters change in the middle of a flood."""
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    rig.collector()
    path = f"{rig.tmp}/agent.yaml"
    write(path, "interval: 300ms\n")
    agent = rig.agent(b, ["v1"], "--config", path, interval="100ms", pin=True)
    write(path, "interval: 1ms\n")
    agent.signal(signal.SIGHUP)
    rig.wait_until(lambda: "all stays as it was" in agent.log(), "a wrong file to be refused")
    rig.check("agent.yaml:1:11: interval" in agent.log(), agent.log())
    sent = 0
    for deny in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"):
        write(path, f"deny: {deny}\nlog-json: no\n")
        old = agent_status(rig)["shipper_pid"]
        agent.signal(signal.SIGHUP)
        sent += rig.flood(a, "v0", b, "v1", packets=200_000, flows=5_000)["packets"]
        rig.wait_until(lambda: new_shipper(rig, old), "the agent to have begun again")
    rig.check(agent.alive(), "it is the same process")
    rig.equal(agent.stop(), 0, f"agent's exit code: {agent.log()}")
    total = audit(rig, direction="ingress", layer="outer")
    rig.equal(total["seen"], sent, f"{total}")
    rig.check(rig.cli_json("audit", "--last", "all")["balanced"], "the ledger")
    got = rig.cli_json("top", "--last", "all", "--by", "interface")["total"]["packets"]
    rig.equal(got, sent, "packets")


def new_shipper(rig, old):
    try:
        return agent_status(rig)["shipper_pid"] != old
    except (OSError, ValueError, KeyError):
        return False


def collector_reloads(rig):
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    path = f"{rig.tmp}/collector.yaml"
    write(path, "keep: {raw: 6h}\nmax-disk: 4G\n")
    collector = rig.collector(None, None, None, "--config", path)
    agent = rig.agent(b, ["v1"], interval="100ms")
    rig.flood(a, "v0", b, "v1", packets=10_000, flows=100)
    write(path, "keep: {raw: 6h\n")
    collector.signal(signal.SIGHUP)
    rig.wait_until(lambda: "is not taken" in collector.log(), "a wrong file to be refused")
    write(path, "keep: {raw: 6h}\nmax-disk: 64M\nthreads: 3\n")
    collector.signal(signal.SIGHUP)
    rig.wait_until(lambda: "was read again" in collector.log(), "a right one to be taken")
    rig.check("'threads' is another now: that takes a restart" in collector.log(),
              collector.log())
    rig.check("'max-disk'" not in collector.log(), "the size does not")
    while "more than --max-disk" not in collector.log():  # the new size holds
        rig.flood(a, "v0", b, "v1", packets=200_000, flows=60_000, lossy=True)
        settled(rig)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")


def packets_in(path):
    with open(path) as f:
        return sum(json.loads(line)["packets"] for line in f if '"type":"flow"' in line)


def sinks_change(rig):
    """One sink instead of another while packets come: each row goes to one of them. What one that
    was taken out could not deliver is counted, and what is wrong changes nothing."""
    a, b = rig.netns("a"), rig.netns("b")
    rig.veth(a, "v0", b, "v1")
    os.chmod(rig.tmp, 0o777)  # the collector is nobody
    path, files = f"{rig.tmp}/collector.yaml", [f"{rig.tmp}/{n}.jsonl" for n in ("x", "y")]
    config = "sink:\n  - 'file:%s?rotate=1G'\nalert: [ConnectsFail=%s]\n"
    write(path, config % (files[0], "0.9"))
    collector = rig.collector(None, None, None, "--config", path)
    agent = rig.agent(b, ["v1"], interval="50ms")
    flood = a.start("flood", os.path.join(TOOLS, "flood"), "--dev", "v0", "--pps", "5000", "--flows",
                    "200", "--seconds", "60")
    for i in range(1, 5):
        rig.wait_until(lambda: json.loads(rig.http("/v1/status"))["sinks"][0]["delivered"] > 0, "rows")
        write(path, config % (files[i % 2], "0.9"))
        collector.signal(signal.SIGHUP)
        rig.wait_until(lambda: collector.log().count("was read again") == i, "the file to be read")
        rig.check(files[i % 2] in json.loads(rig.http("/v1/status"))["sinks"][0]["url"], "the other one")
    flood.stop()
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    rig.wait_until(lambda: not json.loads(rig.http("/v1/status"))["sinks"][0]["waiting"], "the sink")
    total = rig.cli_json("top", "--last", "all", "--by", "interface")["total"]["packets"]
    rig.equal(sum(map(packets_in, files)), total, "packets in both files")
    rig.check("takes a restart" not in collector.log(), collector.log())
    wrong = ("sink: ['file:relative']\n", "sink: []\nalert: [Nothing=1]\n")
    for i, text in enumerate(wrong):
        write(path, text)
        collector.signal(signal.SIGHUP)
        rig.wait_until(lambda: collector.log().count("is not taken") == i + 1, "a wrong one to be refused")
        rig.equal(len(json.loads(rig.http("/v1/status"))["sinks"]), 1, "all stays as it was")
    write(path, "sink: ['ipfix+tcp://127.0.0.1:9']\n")  # where nobody listens
    collector.signal(signal.SIGHUP)
    rig.wait_until(lambda: ":9" in json.loads(rig.http("/v1/status"))["sinks"][0]["url"], "that sink")
    agent = rig.agent(b, ["v1"], interval="50ms")
    rig.flood(a, "v0", b, "v1", packets=1000, flows=100)
    rig.equal(agent.stop(), 0, f"agent: {agent.log()}")
    settled(rig)
    waiting = json.loads(rig.http("/v1/status"))["sinks"][0]["waiting"]
    rig.check(waiting >= 100, f"{waiting} rows wait")
    write(path, "alert: []\n")
    collector.signal(signal.SIGHUP)
    rig.wait_until(lambda: not json.loads(rig.http("/v1/status"))["sinks"], "no sink")
    lost = f"wiretally_sink_removed_lost_rows_total {waiting}"
    rig.wait_until(lambda: lost in rig.http("/metrics").splitlines(), f"{lost}")


def complete(rig, script, function, *words):
    quoted = " ".join(f"'{w}'" for w in words)
    return rig.sh("bash", "-c", f"{script}\nCOMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}\n"
                  f"{function} {words[0]} '{words[-1]}' '{words[-2]}'\n"
                  'echo "${COMPREPLY[@]}"').split()


def documents(rig):
    """Man pages and completion have every option that --help has."""
    for program in ("wiretally-agent", "wiretally-collector"):
        path = rig.program(program)
        options = re.findall(r"^  (?:-\w, |    )--([\w-]+)", rig.sh(path, "--help"), re.M)
        page = rig.sh(path, "--doc=man").replace("\\-", "-")
        rig.check(len(options) > 15, f"options: {options}")
        for name in options:
            rig.check(re.search(rf"^\.B .*--{name}( |$)", page, re.M), f"{program}: --{name}")
        script = rig.sh(path, "--doc=completion")
        rig.equal(complete(rig, script, "_" + program.replace("-", "_"), program, "--"),
                  [f"--{name}" for name in options], f"completion of {program}")
    rig.equal(complete(rig, rig.sh(rig.program("wiretally-agent"), "--doc=completion"),
                       "_wiretally_agent", "wiretally-agent", "--hook", "t"), ["tc", "tcx"], "a choice")
    script = rig.sh(rig.program("wiretally"), "completion")
    rig.equal(complete(rig, script, "_wiretally", "wiretally", "ser"), ["series"], "a command")
    rig.equal(complete(rig, script, "_wiretally", "wiretally", "top", "--hav"), ["--having"],
              "its options")
    page = rig.sh(rig.program("wiretally"), "--doc=man").replace("\\-", "-")
    for want in (".SS wiretally top", ".B -b, --by", ".SS wiretally audit"):
        rig.check(want in page, f"{want} in the page")


TESTS = (checks, documents, agent_reloads, collector_reloads, sinks_change)

if __name__ == "__main__":
    run_test(*[t for t in TESTS if t.__name__ in (sys.argv[1:] or [x.__name__ for x in TESTS])])
