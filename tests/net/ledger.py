# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""Reads the collector's ledger and holds it to its promise: every packet in exactly one place."""
import json
import socket


def settled(rig):
    """Waits until the collector has committed all that it acknowledged."""
    def done():
        ingest = json.loads(rig.http("/v1/status"))["ingest"]
        return ingest["queue_batches"] == 0 and ingest["lag_bytes"] == 0
    rig.wait_until(done, "the collector to commit", timeout=120)


def rows(rig, **match):
    """Ledger rows of all time, after everything is committed, that have these values."""
    settled(rig)
    ledger = json.loads(rig.http("/v1/ledger?last=all"))
    return ledger, [r for r in ledger["rows"] if all(r[k] == v for k, v in match.items())]


def audit(rig, **match):
    """The rows that match, added up; fails unless each balances to zero at every stage."""
    ledger, found = rows(rig, **match)
    rig.check(found, f"no ledger row with {match}: {ledger}")
    total = {k: 0 for k in ("seen", "recorded", "folded", "filtered", "sampled_out",
                            "missed_nested", "stored", "stored_fold", "unparsed", "lost",
                            "seen_octets")}
    for r in found:
        for stage in ("agent_balance", "store_balance"):
            rig.equal(r[stage], {"packets": 0, "octets": 0}, f"{stage} of {json.dumps(r)}")
        for name in total:
            value = r.get(name)
            if name == "seen_octets":
                total[name] += r["seen"]["octets"]
            elif name in ("unparsed", "lost"):
                total[name] += sum(c["packets"] for c in value.values())
            else:
                total[name] += value["packets"]
    uneven = [r for r in ledger["rows"] if any(r[s] != {"packets": 0, "octets": 0}
                                                for s in ("agent_balance", "store_balance"))]
    rig.check(ledger["balanced"], f"the ledger as a whole balances, not so: {json.dumps(uneven)}")
    rig.equal(total["stored"] + total["stored_fold"] + total["unparsed"] + total["lost"] +
              total["filtered"] + total["sampled_out"] + total["missed_nested"], total["seen"],
              f"stored + folded + named losses = seen: {total}")
    return total


def agent_status(rig, agent_id="test-agent"):
    """The agent's own JSON from its status socket."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(f"{rig.tmp}/run-{agent_id}/status.sock")
        text = b""
        while chunk := s.recv(65536):
            text += chunk
    return json.loads(text)


def shipped(rig, agent_id="test-agent"):
    """Waits until nothing of the agent's waits for the collector, in memory or on disk."""
    def done():
        status = agent_status(rig, agent_id)
        return status["spool"]["bytes"] == 0 and not (status["disk_spool"] or {}).get("batches")
    rig.wait_until(done, "the agent to have shipped what it has", timeout=120)
