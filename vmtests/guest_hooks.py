# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Each family of hooks against the truth, all of them beside each other in the same run: one agent
a family, each with a harmless interface of its own to watch; TCP, UDP sockets and drops are the
whole host's."""
import json
from urllib.parse import quote

import guest_traffic as traffic
from guest_flows import network
from ledger import agent_status, audit, settled
from rig import Failed

FAMILIES = ("tracepoint", "fentry", "kprobe")
ROUNDS = 3
SRTT_TOLERANCE_US = 1
# Between connect()'s return and the kernel's event lies a wake-up, which takes long in software.
LATENCY_TOLERANCE_NS = 5_000_000
# Where a kernel gives no reasons, the function that dropped says it.
REASONS = {
    traffic.NFT: ("NETFILTER_DROP", ("nf_hook_slow",)),
    traffic.NOBODY: ("NO_SOCKET", ("__udp4_lib_rcv",)),
    traffic.DEAF: ("SOCKET_RCVBUFF", ("udp_queue_rcv_one_skb",)),
    traffic.NETEM: ("QDISC_DROP", ("kfree_skb_list",)),
}
NAMES = {traffic.NFT: "drop-by-nftables", traffic.NOBODY: "drop-no-listener",
         traffic.DEAF: "drop-full-buffer", traffic.NETEM: "drop-by-netem"}


def kernel_has_reasons():
    """What the tracepoint itself says of its arguments."""
    with open("/sys/kernel/tracing/events/skb/kfree_skb/format") as f:
        return " reason;" in f.read()


class Family:
    """One running agent and what the collector has of it."""

    def __init__(self, rig, ns, name, number):
        from guest import kernel
        self.rig, self.name, self.id = rig, name, f"{name}-{number}"
        dev = f"w{name[:3]}{number}"
        ns.run("ip", "link", "add", dev, "up", "type", "veth", "peer", "name", f"p{dev}")
        # Flows of one interface are for one agent where they need clsact.
        self.sees_flows = kernel() >= (6, 6) or name == FAMILIES[-1]
        watched = [dev, "v1"] if self.sees_flows else [dev]
        self.agent = rig.agent(ns, watched, "--hooks", name, interval="1s", agent_id=self.id)
        self.held = None
        self.cache = None
        self.lost = {}  # point of the ledger: what it says was lost, or missed

    def status(self):
        return agent_status(self.rig, self.id)

    def ask(self, path):
        text = self.rig.http(f"{path}&exporter={self.id}")
        try:
            return json.loads(text)["rows"]
        except (ValueError, KeyError):
            raise Failed(f"{path}: {text[:300]}")

    def connections(self):
        if self.cache is None:
            self.cache = self.ask("/v1/connections?last=all&limit=100000")
        return self.cache

    def of(self, truth, role, port):
        """Rows of one stage's connections as one side saw them."""
        server_port = "remote_port" if role == "client" else "local_port"
        return [c for c in self.connections()
                if c["netns"] == truth.netns[role] and c[server_port] == port and
                c["role"] == role]

    # ---- checks ----------------------------------------------------------------------------

    def chosen(self):
        signals = self.status()["signals"]
        print(f"@@hooks {self.name} {json.dumps(signals)}", flush=True)
        self.rig.check(signals, "the status has no signals")
        for s in signals:
            self.rig.check(s["hook"], f"{s['signal']} is not observed: {s['why']}")
        wanted = {"tracepoint": ("tp", "raw_tp"), "fentry": ("fentry", "fexit"),
                  "kprobe": ("kprobe", "kretprobe")}[self.name]
        named = [s for s in signals if s["hook"].startswith(wanted)]
        self.rig.check(len(named) >= 3, f"signals served by {self.name}: {signals}")

    def look_at_held(self, truth):
        """While it lives, until a sweep has come by whose gauges are those of now, or patience ends."""
        def look():
            rows = self.ask("/v1/connections?last=all&limit=100&filter=" +
                            quote(f"port {truth.held['port']}"))
            self.held = [c for c in rows if c["netns"] == truth.netns["client"]]
            return self.held and self.held[0]["srtt_us"] == truth.held["srtt_us"]
        try:
            self.rig.wait_until(look, "the sweep", timeout=15, pause=0.5)
        except Failed:
            pass  # srtt() says what is wrong

    def ran(self, stage):
        self.rig.check(stage, "this stage of the traffic did not run")

    def every_connection(self, truth):
        self.ran(truth.servers)
        for port, said in ((traffic.LATENCY, truth.latency), (traffic.LOSSY, truth.lossy)):
            for role in ("client", "server"):
                near = "local_port" if role == "client" else "remote_port"
                rows = self.of(truth, role, port)
                self.rig.equal(sorted(c[near] for c in rows), sorted(c["port"] for c in said),
                               f"{role} connections to {port}, none missing and none twice")
                end = "local_fin" if role == "client" else "remote_fin"
                self.rig.equal({c["end"] for c in rows}, {end}, f"how {role} connections ended")

    def octets(self, truth):
        self.ran(truth.servers)
        rows = {c["local_port"]: c for c in self.of(truth, "client", traffic.LOSSY)}
        for said in truth.lossy:
            row = rows[said["port"]]
            self.rig.equal((row["octets_acked"], row["octets_received"], row["segments_out"]),
                           (said["octets_acked"], said["octets_received"], said["segments_out"]),
                           f"octets acknowledged, received, segments of port {said['port']}")

    def latency(self, truth):
        self.ran(truth.latency)
        rows = {c["local_port"]: c for c in self.of(truth, "client", traffic.LATENCY)}
        worst = []
        for said in truth.latency:
            got = rows[said["port"]]["connect_ns"]
            self.rig.check(traffic.DELAY_MS * 1_000_000 <= got <= said["connect_ns"],
                           f"at least netem's delay and at most what connect() took, "
                           f"{said['connect_ns']} ns: {got} ns")
            worst.append(said["connect_ns"] - got)
        worst.sort()
        median = worst[len(worst) // 2]
        self.rig.check(median <= LATENCY_TOLERANCE_NS,
                       f"half of the latencies within {LATENCY_TOLERANCE_NS} ns of what connect() "
                       f"took: {worst}")

    def retransmits(self, truth):
        self.ran(truth.servers)
        for role in ("client", "server"):
            rows = self.of(truth, role, traffic.LOSSY)
            kernel = truth.kernel[role]
            failed = kernel.get("TcpExt.TCPRetransFail", 0)
            self.rig.equal(sum(c["retransmits"] + c["retransmits_synack"] for c in rows),
                           kernel["Tcp.RetransSegs"] - failed, f"{role}: RetransSegs")
            near = "local_port" if role == "client" else "remote_port"
            said = truth.servers if role == "server" else {c["port"]: c for c in truth.lossy}
            for row in rows:
                self.rig.equal(row["retransmits"] + row["retransmits_synack"],
                               said[row[near]]["retransmits"],
                               f"{role}: TCP_INFO's total_retrans of port {row[near]}")

    def srtt(self, truth):
        self.ran(truth.held)
        self.rig.equal(len(self.held or []), 1, "rows of the connection at rest")
        row = self.held[0]
        self.rig.equal(row["end"], "open", "it lives")
        for name in ("srtt_us", "rttvar_us", "min_rtt_us"):
            self.rig.check(abs(row[name] - truth.held[name]) <= SRTT_TOLERANCE_US,
                           f"{name}: {row[name]}, TCP_INFO says {truth.held[name]}")
        self.rig.equal(row["cwnd"], truth.held["cwnd"], "cwnd")

    def failures(self, truth):
        self.ran(truth.failures)
        for (host, port), want in truth.failures.items():
            rows = [c for c in self.connections() if c["netns"] == truth.netns["client"] and
                    (c["remote_address"], c["remote_port"]) == (host, port)]
            self.rig.equal([(c["end"], c["error"]) for c in rows], [("failed", want)],
                           f"connections to {host}:{port}, of {json.dumps(rows)}")
            if want == "ETIMEDOUT":
                self.rig.equal(rows[0]["retransmits_syn"], 1, "SYNs resent before the timeout")

    def drop(self, truth, source):
        drops = self.ask("/v1/drops?by=reason,location&last=all&filter=" +
                         quote(f"src port {source} and proto udp"))
        self.ran(source in truth.drops)
        reason, functions = REASONS[source]
        wanted = (reason,) if kernel_has_reasons() else functions
        found = sum(d["packets"] for d in drops if d["reason"] in wanted)
        self.rig.equal(found, truth.drops[source],
                       f"packets with {' or '.join(wanted)}, of {json.dumps(drops)}")
        for d in drops:
            self.rig.check("+0x" in d["location"], f"the place of {d}")

    def udp_owner(self, truth):
        """The deaf server's datagrams are its own, though it lives shorter than an interval."""
        self.ran(traffic.DEAF in truth.drops)
        rows = self.ask("/v1/flows?all=1&last=all&filter=" +
                        quote(f"proto udp and src port {traffic.DEAF}"))
        self.rig.check(rows, "flows to the server")
        self.rig.equal({(r["process"], r["join"], r["direction"]) for r in rows},
                       {("traffic", "one", "ingress")}, "owner of what arrives at the server")

    def ledger(self):
        """It balances, and nothing but runs inside runs may be missing."""
        for point in ("socket events", "drops"):
            total = audit(self.rig, agent=self.id, point=point)
            if total["lost"] or total["missed_nested"]:
                print(f"@@loss {self.id} {point}: {total}", flush=True)
                self.lost[point] = total["missed_nested"]
            self.rig.equal(total["lost"], 0, f"{point} lost: {total}")

    def excuse(self):
        """Why its numbers may be too small, as the ledger says; '' when they may not."""
        from guest import kernel
        if any(self.lost.values()):
            return f"missed_nested {self.lost}"
        if self.name == "kprobe" and kernel() < (6, 7):
            return "this kernel does not count what it refused to a kprobe"
        return ""


def same_as(rig, first, other, truth):
    """What no counter of the kernel's says is at least the same from both: but for as many
    connections as runs were refused, if any were."""
    def shown(family):
        return sorted((c["netns"], c["local_port"], c["remote_port"], c["role"], c["end"],
                       c["error"] or "", c["retransmits"], c["retransmits_syn"],
                       c["retransmits_synack"], c["octets_acked"], c["octets_received"])
                      for c in family.connections() if c["netns"] in truth.netns.values())

    mine, theirs = shown(first), shown(other)
    rig.check(mine, f"{first.name} has connections")
    refused = sum(f.lost.get("socket events", 0) for f in (first, other))
    more, less = [c for c in theirs if c not in mine], [c for c in mine if c not in theirs]
    rig.check(max(len(more), len(less)) <= refused,
              f"connections that only {other.name} has: {more}, that only {first.name} has: {less}, "
              f"with {refused} runs refused")


def start(rig, trial, ns, number):
    families = []
    for name in FAMILIES:
        try:
            family = Family(rig, ns, name, number)
        except Failed as e:
            trial.say(name, "starts", "FAIL", e)
            continue
        families.append(family)
        trial.check(name, "chosen-hooks", family.chosen)
    return families


def run_traffic(families, truth):
    truth.prepare()
    truth.with_delay()
    truth.with_loss()
    truth.hold(lambda: [f.look_at_held(truth) for f in families])
    truth.failing()
    truth.dropping()


def show_refused(ns):
    """For who reads the log: programs, of all agents, that the kernel refused to run inside others."""
    refused = [f"{p.get('name')} {p['recursion_misses']}"
               for p in ns.json("bpftool", "-j", "prog", "show") if p.get("recursion_misses")]
    print(f"@@refused {refused}", flush=True)


def judge(rig, trial, f, truth):
    trial.check(f.name, "connections", f.every_connection, truth)
    trial.check(f.name, "octets", f.octets, truth)
    trial.check(f.name, "connect-latency", f.latency, truth)
    trial.check(f.name, "retransmits", f.retransmits, truth)
    trial.check(f.name, "srtt", f.srtt, truth)
    trial.check(f.name, "failed-connects", f.failures, truth)
    for source, name in NAMES.items():
        trial.check(f.name, name, f.drop, truth, source)
    if f.sees_flows:
        trial.check(f.name, "udp-owner", f.udp_owner, truth)
    trial.check(f.name, "ledger", f.ledger)


def one_round(rig, a, b, number):
    """Results, and for each family why its failures do not count."""
    from guest import Trial
    trial = Trial()
    families = start(rig, trial, b, number)
    truth = traffic.Truth(rig, a, b)
    trial.check("traffic", "as-planned", run_traffic, families, truth)
    show_refused(b)
    for f in families:
        trial.check(f.name, "ends", lambda f=f: rig.equal(f.agent.stop(), 0, f.agent.log()))
    settled(rig)  # acknowledged is not yet to be asked for, and connections are asked for once
    for f in families:
        judge(rig, trial, f, truth)
    for f in families[1:]:
        trial.check(f.name, f"same-as-{families[0].name}", same_as, rig, families[0], f, truth)
    return trial, {f.name: f.excuse() for f in families}


def hooks(rig, report):
    """The promise is: the truth, but for what the kernel refused to run. In software, where programs
    take long, that happens: then a check that failed has to pass in another round."""
    a, b = network(rig)
    rig.collector()
    proven = {}
    for number in range(1, ROUNDS + 1):
        trial, excuses = one_round(rig, a, b, number)
        for hooks_, signal, verdict, why in trial.said:
            excused = verdict == "FAIL" and excuses.get(hooks_)
            if not excused or (hooks_, signal) not in proven:
                proven[hooks_, signal] = (verdict, why)
            if excused:
                text = " ".join(f"{hooks_} {signal} ({excused}): {why}".split())
                print(f"@@again round {number}: {text[:600]}", flush=True)
        if not all(excuses.get(r[0]) for r in trial.failures()):
            break
        if all(verdict != "FAIL" for verdict, _ in proven.values()):
            break
    for (hooks_, signal), (verdict, why) in proven.items():
        report.say(hooks_, signal, verdict, why)
