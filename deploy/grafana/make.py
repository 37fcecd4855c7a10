#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
"""The dashboards beside this file: each is a table of panels below. make.py writes them, and
make.py --check says whether they are what it would write."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROMETHEUS = {"type": "prometheus", "uid": "${prometheus}"}
API = {"type": "yesoreyeram-infinity-datasource", "uid": "${api}"}
HOST = 'host=~"$host"'

# (title, kind, unit, width of 24, [(query, legend), …])
OVERVIEW = [
    ("Bits", "timeseries", "bps", 12, [
        (f"host:wiretally_bits:rate5m{{{HOST}}}", "{{host}} {{direction}}")]),
    ("Packets", "timeseries", "pps", 12, [
        (f"host:wiretally_packets:rate5m{{{HOST}}}", "{{host}} {{direction}}")]),
    ("TCP sockets by state", "timeseries", "short", 12, [
        (f"sum by (state) (tcp_connections_total{{{HOST}}})", "{{state}}")]),
    ("Segments sent again", "timeseries", "percentunit", 12, [
        (f"host:wiretally_tcp_retransmit_ratio:rate5m{{{HOST}}}", "{{host}}")]),
    ("Connect and round trip, 99 in 100 are faster", "timeseries", "s", 12, [
        (f"host:wiretally_tcp_connect_seconds:p99_5m{{{HOST}}}", "connect {{host}}"),
        (f"host:wiretally_tcp_rtt_seconds:p99_5m{{{HOST}}}", "round trip {{host}}")]),
    ("Packets dropped by the kernel", "timeseries", "pps", 12, [
        (f"sum by (reason) (host_reason:wiretally_dropped_packets:rate5m{{{HOST}}})",
         "{{reason}}")]),
    ("Alerts", "table", "short", 24, [('ALERTS{alertstate="firing"} or on () vector(0)', "")]),
]
TCP = [
    ("Connects, by how long they took", "heatmap", "s", 12, [
        (f"sum by (le) (increase(wiretally_tcp_connect_seconds_bucket{{{HOST}}}[$__rate_interval]))",
         "{{le}}")]),
    ("Round trips", "heatmap", "s", 12, [
        (f"sum by (le) (increase(wiretally_tcp_rtt_seconds_bucket{{{HOST}}}[$__rate_interval]))",
         "{{le}}")]),
    ("Segments sent, and sent again", "timeseries", "pps", 12, [
        (f"rate(tcp_segments_sent_total{{{HOST}}}[$__rate_interval])", "{{host}} sent"),
        (f"rate(tcp_retransmits_total{{{HOST}}}[$__rate_interval])", "{{host}} again")]),
    ("Half-open connections", "timeseries", "short", 12, [
        (f'tcp_connections_total{{state=~"SYN_.*",{HOST}}}', "{{host}} {{state}}")]),
    ("Listeners' queues", "timeseries", "short", 12, [
        (f'sum by (host, of) (wiretally_tcp_listen_queue{{of!="limit",{HOST}}})'
         " or on () vector(0)",
         "{{host}} {{of}}")]),
    ("Refused by full listeners, SYN cookies", "timeseries", "cps", 12, [
        (f"sum by (host) (rate(wiretally_tcp_listen_overflows_total{{{HOST}}}[$__rate_interval]))"
         " or on () vector(0)", "{{host}} refused"),
        (f"sum by (host) (rate(wiretally_tcp_syn_cookies_sent_total{{{HOST}}}[$__rate_interval]))"
         " or on () vector(0)", "{{host}} cookies")]),
]
DROPS = [
    ("By the kernel's reason", "timeseries", "pps", 12, [
        (f'sum by (reason) (rate(wiretally_dropped_packets_total{{class="lost",{HOST}}}'
         "[$__rate_interval]))", "{{reason}}")]),
    ("At interfaces", "timeseries", "pps", 12, [
        (f"sum by (host, interface) (rate(network_packets_dropped_total{{{HOST}}}"
         "[$__rate_interval]))", "{{host}} {{interface}}")]),
    ("At interfaces, by where", "timeseries", "pps", 12, [
        (f"sum by (interface, where) (rate(wiretally_interface_dropped_packets_total{{{HOST}}}"
         "[$__rate_interval]))", "{{interface}} {{where}}")]),
    ("Waiting when a socket closed", "timeseries", "pps", 12, [
        (f'sum by (reason) (rate(wiretally_dropped_packets_total{{class="purged",{HOST}}}'
         "[$__rate_interval])) or on () vector(0)", "{{reason}}")]),
    ("Softnet: dropped, and out of budget", "timeseries", "pps", 24, [
        (f"sum by (host) (rate(wiretally_softnet_dropped_packets_total{{{HOST}}}"
         "[$__rate_interval])) or on () vector(0)", "{{host}} dropped"),
        (f"sum by (host) (rate(wiretally_softnet_time_squeezes_total{{{HOST}}}"
         "[$__rate_interval])) or on () vector(0)", "{{host}} squeezed")]),
]
LEDGER = [
    ("Packets in no record", "stat", "percentunit", 6, [
        (f"max(host:wiretally_unrecorded_ratio:rate5m{{{HOST}}}) or on () vector(0)", "")]),
    ("Packets not accounted for", "stat", "short", 6, [
        (f"sum(wiretally_seen_packets_total{{{HOST}}}) - sum(wiretally_packets_total{{{HOST}}})",
         "")]),
    ("Batches that never came", "stat", "short", 6, [
        ("wiretally_collector_missing_batches_total", "")]),
    ("Agents heard within five minutes", "stat", "short", 6, [
        ("count(time() - wiretally_agent_last_batch_timestamp_seconds < 300) or on () vector(0)",
         "")]),
    ("What happened to every packet", "timeseries", "pps", 24, [
        (f"sum by (outcome) (rate(wiretally_packets_total{{{HOST}}}[$__rate_interval]))",
         "{{outcome}}")]),
    ("Events of TCP, drops, latencies", "timeseries", "cps", 24, [
        (f"sum by (signal, outcome) (rate(wiretally_signal_events_total{{{HOST}}}"
         "[$__rate_interval]))", "{{signal}} {{outcome}}")]),
]
COLLECTOR = [
    ("Rows stored", "timeseries", "rowsps", 12, [
        ("rate(wiretally_collector_rows_total[$__rate_interval])", "rows")]),
    ("Waiting", "timeseries", "bytes", 12, [
        ("wiretally_collector_queue_bytes", "queue"),
        ("wiretally_collector_lag_bytes", "log that is not in the store")]),
    ("Time a group takes to be durable, a commit", "timeseries", "s", 12, [
        ("rate(wiretally_collector_log_sync_seconds_total[$__rate_interval])"
         " / rate(wiretally_collector_log_syncs_total[$__rate_interval])", "durable"),
        ("rate(wiretally_collector_commit_seconds_total[$__rate_interval])"
         " / rate(wiretally_collector_commits_total[$__rate_interval])", "commit")]),
    ("Disk", "timeseries", "bytes", 12, [
        ("wiretally_collector_store_bytes", "store"), ("wiretally_collector_log_bytes", "log")]),
    ("CPU", "timeseries", "percentunit", 12, [
        ("rate(wiretally_collector_cpu_seconds_total[$__rate_interval])", "cores")]),
    ("Refused", "timeseries", "reqps", 12, [
        ("sum by (reason) (rate(wiretally_collector_refused_total[$__rate_interval]))",
         "{{reason}}")]),
    ("Flow exporters: records", "timeseries", "cps", 12, [
        ("sum by (result) (rate(wiretally_collector_exporter_records_total[$__rate_interval]))",
         "{{result}}")]),
    ("Sinks: age of the oldest row that waits", "timeseries", "s", 12, [
        ("wiretally_sink_lag_seconds or on () vector(0)", "{{sink}}")]),
]
# (title, path, root, [(selector, name, type), …]): what metrics must not have as labels
TALKERS = [
    ("Top sources of the last hour", "/v1/top?by=src&last=1h&n=20", [
        ("src", "source", "string"), ("octets", "bytes", "number"),
        ("packets", "packets", "number"), ("flows", "flows", "number")]),
    ("Top conversations", "/v1/top?by=conversation&last=1h&n=20", [
        ("src", "source", "string"), ("dst", "destination", "string"),
        ("octets", "bytes", "number")]),
    ("Processes", "/v1/top?by=process&last=15m&n=20", [
        ("process", "process", "string"), ("octets", "bytes", "number")]),
    ("Destinations by retransmits", "/v1/tcp?by=dst&order=retransmits&last=1h&n=20", [
        ("dst", "destination", "string"), ("connections", "connections", "number"),
        ("retransmits", "retransmits", "number")]),
    ("Drops", "/v1/drops?by=reason,interface&last=1h&n=20", [
        ("reason", "reason", "string"), ("interface", "interface", "string"),
        ("packets", "packets", "number")]),
    ("Sources with fewer than 3 packets", "/v1/top?by=src&last=1h&having=packets%20%3C%203&n=20", [
        ("src", "source", "string"), ("packets", "packets", "number")]),
]


def place(panels):
    """From left to right, a new line when the next one does not fit."""
    x = y = 0
    for p in panels:
        width = p["gridPos"]["w"]
        if x + width > 24:
            x, y = 0, y + 8
        p["gridPos"].update(x=x, y=y)
        x += width
    return panels


def panel(number, title, kind, width, datasource, targets):
    return {"id": number, "title": title, "type": kind, "datasource": datasource,
            "gridPos": {"h": 8, "w": width, "x": 0, "y": 0}, "targets": targets}


def metric_panel(number, title, kind, unit, width, queries):
    targets = [{"refId": chr(65 + i), "datasource": PROMETHEUS, "expr": expr,
                "legendFormat": legend, "instant": kind in ("stat", "table"),
                "range": kind not in ("stat", "table"),
                "format": {"heatmap": "heatmap", "table": "table"}.get(kind, "time_series")}
               for i, (expr, legend) in enumerate(queries)]
    p = panel(number, title, kind, width, PROMETHEUS, targets)
    p["fieldConfig"] = {"defaults": {"unit": unit, "min": 0}, "overrides": []}
    if kind == "timeseries":
        p["options"] = {"legend": {"displayMode": "list", "placement": "bottom"},
                        "tooltip": {"mode": "multi", "sort": "desc"}}
    elif kind == "heatmap":
        p["options"] = {"calculate": False, "yAxis": {"unit": unit},
                        "color": {"scheme": "Turbo", "mode": "scheme"}}
    return p


def api_panel(number, title, path, columns):
    target = {"refId": "A", "datasource": API, "type": "json", "source": "url", "format": "table",
              "parser": "backend", "url": path, "root_selector": "rows",
              "url_options": {"method": "GET"},
              "columns": [{"selector": s, "text": t, "type": k} for s, t, k in columns]}
    return panel(number, title, "table", 12, API, [target])


def variable_datasource(name, kind, label):
    return {"name": name, "label": label, "type": "datasource", "query": kind, "hide": 0}


def variable_host():
    return {"name": "host", "label": "Host", "type": "query", "datasource": PROMETHEUS,
            "query": "label_values(wiretally_seen_packets_total, host)", "refresh": 2,
            "includeAll": True, "allValue": ".*", "multi": True, "hide": 0,
            "current": {"text": ["All"], "value": ["$__all"]}}


def dashboard(name, title, panels, variables):
    return {"uid": f"wiretally-{name}", "title": f"wiretally: {title}", "tags": ["wiretally"],
            "schemaVersion": 38, "version": 1, "editable": True, "timezone": "browser",
            "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": variables}, "annotations": {"list": []},
            "links": [{"title": "wiretally", "type": "dashboards", "tags": ["wiretally"],
                       "asDropdown": True, "keepTime": True}],
            "panels": place(panels)}


def metrics_dashboard(name, title, rows):
    panels = [metric_panel(i + 1, *row) for i, row in enumerate(rows)]
    return dashboard(name, title, panels,
                     [variable_datasource("prometheus", "prometheus", "Prometheus"),
                      variable_host()])


def api_dashboard(name, title, rows):
    panels = [api_panel(i + 1, *row) for i, row in enumerate(rows)]
    return dashboard(name, title, panels,
                     [variable_datasource("api", "yesoreyeram-infinity-datasource",
                                          "wiretally's API (Infinity plugin)")])


def dashboards():
    return {
        "overview": metrics_dashboard("overview", "overview", OVERVIEW),
        "tcp": metrics_dashboard("tcp", "TCP health", TCP),
        "drops": metrics_dashboard("drops", "drops", DROPS),
        "ledger": metrics_dashboard("ledger", "ledger", LEDGER),
        "collector": metrics_dashboard("collector", "collector", COLLECTOR),
        "talkers": api_dashboard("talkers", "who talks to whom", TALKERS),
    }


def main():
    stale = []
    for name, board in dashboards().items():
        path = os.path.join(HERE, f"{name}.json")
        text = json.dumps(board, indent=1, sort_keys=True) + "\n"
        if sys.argv[1:] == ["--check"]:
            if not os.path.exists(path) or open(path).read() != text:
                stale.append(path)
            continue
        with open(path, "w") as f:
            f.write(text)
    if stale:
        sys.exit(f"make.py would write other files: {' '.join(stale)}")


if __name__ == "__main__":
    main()
