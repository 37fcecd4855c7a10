# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""One run of traffic that goes well and badly, and what sockets, qdiscs and the kernel's own counters
say of it: the truth that every family of hooks is held to."""
import errno
import json
import subprocess

from guest_flows import TRAFFIC, send, serve

DELAY_MS = 20
LATENCY, LOSSY, HELD, SINK = 7001, 7002, 7003, 5557  # ports, one for each stage
REFUSED, TIMED_OUT = 9, 10
NFT, NOBODY, DEAF, NETEM = 4001, 4002, 4003, 4004  # source ports of what is dropped


def proc_net(ns):
    """/proc/net/snmp and netstat as one dict: 'Tcp.RetransSegs' and so on."""
    found = {}
    for name in ("snmp", "netstat"):
        lines = ns.run("cat", f"/proc/net/{name}").splitlines()
        for keys, values in zip(lines[::2], lines[1::2]):
            group, *keys = keys.split()
            found.update({f"{group[:-1]}.{k}": int(v) for k, v in zip(keys, values.split()[1:])})
    return found


def netns_of(ns):
    return int(ns.run("stat", "-Lc", "%i", "/proc/self/ns/net"))


def netem(ns, dev, *what):
    ns.run("tc", "qdisc", "replace", "dev", dev, "root", "netem", *what)


def no_netem(*ends):
    for ns, dev in ends:
        ns.run("tc", "qdisc", "del", "dev", dev, "root")


class Truth:
    """Filled stage by stage; families are judged when their agents have ended."""

    def __init__(self, rig, a, b):
        self.rig, self.a, self.b = rig, a, b
        self.netns = {"client": netns_of(a), "server": netns_of(b)}
        self.latency, self.lossy, self.servers = [], [], {}
        self.kernel = {}  # role: counters that the lossy stage added
        self.failures = {}  # (address, port): errno
        self.drops = {}  # source port: packets that somebody dropped
        self.held = None

    # ---- connections -----------------------------------------------------------------------

    def with_delay(self):
        """Nothing is lost: latency is netem's delay and what the machine needs."""
        server = serve(self.rig, self.b, "serve", "10.0.0.2", str(LATENCY))
        netem(self.a, "v0", "delay", f"{DELAY_MS}ms")
        self.latency = send(self.a, 20, 10, 2, port=LATENCY)
        no_netem((self.a, "v0"))
        self.rig.equal({c["error"] for c in self.latency}, {0}, "connect()")
        server.kill()

    def with_loss(self):
        ends = ((self.a, "v0"), (self.b, "v1"))
        server = serve(self.rig, self.b, "serve", "10.0.0.2", str(LOSSY))
        before = {"client": proc_net(self.a), "server": proc_net(self.b)}
        for ns, dev in ends:
            netem(ns, dev, "delay", f"{DELAY_MS}ms", "loss", "5%", "reorder", "25%", "50%")
        self.lossy = send(self.a, 24, 100_000, 12, port=LOSSY)
        self.rig.equal({c["error"] for c in self.lossy}, {0}, "connect()")
        # A server's socket may still be resending its FIN.
        self.rig.wait_until(lambda: len(self.said_by(server)) == len(self.lossy),
                            "the server's connections to close", timeout=90)
        no_netem(*ends)
        self.servers = {c["port"]: c for c in self.said_by(server)}
        server.kill()
        for role, ns in (("client", self.a), ("server", self.b)):
            after = proc_net(ns)
            self.kernel[role] = {k: after[k] - before[role].get(k, 0) for k in after}
        resent = sum(self.kernel[r]["Tcp.RetransSegs"] for r in self.kernel)
        self.rig.check(resent > 10, f"netem made retransmits: {resent}")

    @staticmethod
    def said_by(server):
        lines = [line for line in server.log().splitlines() if line.endswith("}")]
        return [json.loads(line) for line in lines if line.startswith("{")]

    def hold(self, look):
        """look() while a connection lives and rests: its gauges stand still meanwhile."""
        server = serve(self.rig, self.b, "serve", "10.0.0.2", str(HELD))
        netem(self.a, "v0", "delay", f"{DELAY_MS}ms")
        holder = self.a.start("holder", TRAFFIC, "hold", "10.0.0.2", str(HELD), "200000",
                              stdin=subprocess.PIPE)
        self.rig.wait_until(lambda: "srtt_us" in holder.log(), "all to be acknowledged")
        self.held = json.loads(holder.log().splitlines()[0])
        look()
        holder.proc.stdin.close()
        holder.wait()
        again = json.loads(holder.log().splitlines()[1])
        self.rig.equal(again["srtt_us"], self.held["srtt_us"], "srtt of a connection at rest")
        no_netem((self.a, "v0"))
        server.kill()

    # ---- what fails ------------------------------------------------------------------------

    def attempt(self, host, port, want):
        said = send(self.a, 1, 0, 1, host=host, port=port)[0]
        self.rig.equal(errno.errorcode.get(said["error"]), want, f"connect() to {host}:{port}")
        self.failures[host, port] = want

    def failing(self):
        self.a.run("sysctl", "-w", "net.ipv4.tcp_syn_retries=1")
        # 6.5 and later would send four SYNs a second apart first.
        self.a.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/tcp_syn_linear_timeouts || true")
        self.a.run("sysctl", "-w", "net.ipv4.neigh.v0.retrans_time_ms=100")
        self.b.run("nft", "add rule ip wt in tcp dport 10 drop")
        self.attempt("10.0.0.2", REFUSED, "ECONNREFUSED")
        self.attempt("192.0.2.1", 9, "ENETUNREACH")
        self.attempt("10.0.0.77", 9, "EHOSTUNREACH")  # nobody answers its ARP
        self.attempt("10.0.0.2", TIMED_OUT, "ETIMEDOUT")
        # The next round's lossy connections have to have their six, as by default: with one, a
        # hundredth of them never opens.
        self.a.run("sysctl", "-w", "net.ipv4.tcp_syn_retries=6")

    # ---- what is dropped -------------------------------------------------------------------

    def udp(self, port, count, size, source):
        sent = json.loads(self.a.run(TRAFFIC, "udp", "10.0.0.2", str(port), str(count), str(size),
                                     str(source)))["sent"]
        self.rig.equal(sent, count, "datagrams sent")
        return sent

    def dropping(self):
        self.b.run("nft", "add rule ip wt in udp dport 7777 drop")
        self.drops[NFT] = self.udp(7777, 200, 100, NFT)
        self.drops[NOBODY] = self.udp(5555, 200, 100, NOBODY)
        deaf = serve(self.rig, self.b, "deaf", "10.0.0.2", "6666")
        sent = self.udp(6666, 300, 1000, DEAF)
        deaf.stop()
        self.drops[DEAF] = sent - json.loads(deaf.log().splitlines()[-1])["received"]
        self.rig.check(self.drops[DEAF] > 100, f"a full socket buffer drops: {self.drops[DEAF]}")
        netem(self.a, "v0", "loss", "30%")
        self.udp(5555, 500, 100, NETEM)
        shown = self.a.json("tc", "-s", "-j", "qdisc", "show", "dev", "v0")
        self.drops[NETEM] = shown[0]["drops"]
        self.rig.check(self.drops[NETEM] > 50, f"netem drops: {self.drops[NETEM]}")
        no_netem((self.a, "v0"))

    def prepare(self):
        self.b.run("nft", "add table ip wt; flush table ip wt; "
                          "add chain ip wt in { type filter hook input priority 0 ; }")
