#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The benches' JSON lines (stdin) as tables for people; ratios are to ours at the same hook."""
import json
import sys


def show(title, head, rows):
    if not rows:
        return
    table = [head, *rows]
    widths = [max(len(str(r[i])) for r in table) for i in range(len(head))]
    print(f"\n{title}")
    for r in table:
        cells = [str(c).ljust(w) if i == 0 else str(c).rjust(w)
                 for i, (c, w) in enumerate(zip(r, widths))]
        print("  " + "  ".join(cells).rstrip())


def ratio(ns, ours):
    return f"{ns / ours:.2f}" if ours and ours > 0 else "-"


def hotpath(lines):
    ours = {x["hook"]: x["ns"] for x in lines if x["program"].startswith("ours_")}
    empty = {x["hook"]: x["ns"] for x in lines if x["program"].startswith("empty_")}
    rows = [(x["program"], x["hook"], f"{x['ns']:.1f}", f"{x['ns'] - empty.get(x['hook'], 0):.1f}",
             ratio(x["ns"], ours.get(x["hook"]))) for x in lines]
    show("One IPv4/TCP packet, test run, median", ("program", "hook", "ns", "- empty", "× ours"),
         rows)


def veth(lines):
    ours = {(x["hook"], x["flows"], x["mode"]): x["ns"] for x in lines
            if x["program"].startswith("ours_")}
    rows = []
    for x in lines:
        share = "-"
        if "spilled" in x:
            share = f"{100 * x['spilled'] / x['packets']:.1f} / " \
                    f"{100 * x['folded'] / x['packets']:.1f}"
        key = (x["hook"], x["flows"], x["mode"])
        rows.append((x["program"], x["hook"], f"{x['flows']:,}", x["mode"], f"{x['ns']:.1f}",
                     ratio(x["ns"], ours.get(key)), share, f"{x['pps'] / 1e6:.2f}"))
    show("Many flows through a veth (run-time statistics less an empty program's)",
         ("program", "hook", "flows", "mode", "ns", "× ours", "spill / fold %", "Mpps"), rows)


def cost(lines):
    show("The agent off and on", ("", "hook", "off", "on", "unit", "cost %"),
         [(x["bench"], x["hook"], x["off"], x["on"], x["unit"], x["cost_percent"])
          for x in lines if "cost_percent" in x])
    show("CPU seconds per million records", ("", "rows", "agent", "collector"),
         [("harvest to stored", f"{x['rows']:,}", x["agent_cpu_s_per_million"],
           x["collector_cpu_s_per_million"]) for x in lines if x["bench"] == "records"])


def connections(lines):
    show("A short TCP connection, both ends on this machine",
         ("watched by", "CPU us", "added us", "of them in BPF"),
         [(x["watcher"], x["cpu_us"], x["added_us"], f"{x['bpf_ns'] / 1000:.1f}") for x in lines])


def signals(lines):
    total = {}
    for x in lines:
        if "ns_per" in x:
            key = x["hooks"], x["per"]
            total[key] = total.get(key, 0) + x["ns_per"]
    rows = [(x["hooks"], x["per"], x["program"], x["ns"], f"{x['runs']:,}", f"{x['ns_per']:,}",
             f"{total[x['hooks'], x['per']]:,}") for x in lines if "ns_per" in x]
    show("TCP and drops, program by program (run-time statistics cost some 25 ns a run themselves)",
         ("hooks", "per", "program", "ns/run", "runs", "ns", "ns of all"), rows)
    for x in lines:
        if "missing" in x:
            print(f"  {x['hooks']}: {x['missing']} {x['why']}")


def main():
    lines = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    hotpath([x for x in lines if x["bench"] == "hotpath"])
    veth([x for x in lines if x["bench"] == "veth"])
    cost(lines)
    connections([x for x in lines if x["bench"] == "connections"])
    signals([x for x in lines if x["bench"] == "signals"])


if __name__ == "__main__":
    main()
