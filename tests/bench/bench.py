#!/usr/bin/env python3
"""`./dev bench`: measures speed, row by row, beside the limit of each, and writes
docs/performance.md. Needs the daemon in build/release and the tools in build/bench."""

import argparse
import http.server
import os
import sys
import threading
import time

import report
import rows_accept
import rows_drain
import rows_growth
import rows_service
import rows_sqlite
from lab import ROOT, Lab, best_data_folder
from measure import Check, Growth, Spoiled, figure

ROWS = [*rows_accept.ROWS, *rows_sqlite.ROWS, *rows_drain.ROWS, *rows_service.ROWS, *rows_growth.ROWS]
RUNS = 5
SECONDS = 1.5
PENDING = 10_000_000
DAEMON = ROOT / "build" / "release" / "holdfast"


def run_row(row, lab, keep):
    """One row; its line on the terminal. False: it could not be measured."""
    began, load_before = time.monotonic(), os.getloadavg()[0]
    lab.commands = []
    try:
        outcome = row.measure(lab)
    except Spoiled as problem:
        print(f"bench: {row.name}: not measured: {problem}", flush=True)
        return False
    if isinstance(row, Growth):
        x, series = outcome
        if keep:
            report.record_growth(row, x, series, lab, load_before)
            report.write_page(report.load(), [each.name for each in ROWS])
        print(f"bench: {row.name}: {row.x_title} {', '.join(map(str, x))}; " +
              "; ".join(f"{name} {', '.join(map(figure, values))}" for name, values in series.items()) +
              f"; {time.monotonic() - began:.0f} s", flush=True)
        return True
    outcome.commands = list(dict.fromkeys(lab.commands))
    if keep:
        results = report.record(row, outcome, lab, load_before)
        report.write_page(results, [each.name for each in ROWS])
    verdict = "pass" if all(check.passed for check in outcome.checks) else "SHORT"
    print(f"bench: {row.name}: {verdict}: {', '.join(check.text() for check in outcome.checks)}; ours "
          f"{report.spread(outcome.ours, outcome.unit)}, beside it {report.spread(outcome.limit, outcome.unit)}; "
          f"{time.monotonic() - began:.0f} s, load average before it {load_before:.1f}", flush=True)
    return True


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers as no durable server would."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def self_test(lab):
    """The instrument measures, and says so when what it measures is wrong."""
    try:
        lab.tool("bench_load", "--port", 1, "--requests", 1)
        return "a server that is not there was no failure"
    except Spoiled:
        pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        lab.load(server.server_address[1], requests=5, connections=2)
        return "answers of 500 were no failure"
    except Spoiled as problem:
        if "5 failed, the first: status 500 instead of 202" not in str(problem):
            return f"answers of 500 read: {problem}"
    finally:
        server.shutdown()
    for connect_each in (0, 1):
        result = lab.accept(requests=50, connections=4, connect_each=connect_each, warmup=0)
        if result["accepted"] != 50 or not 0 < result["p50_ms"] <= result["max_ms"]:
            return f"50 requests gave {result}"
    slow = lab.accept(delay_us=20_000, requests=3, connections=1, warmup=0)
    if slow["p50_ms"] < 20:
        return f"with 20 ms added to each sync an answer took {slow['p50_ms']} ms"
    older = {"x": [1, 100], "series": {"a": [5, 6]}, "at": "then"}
    if report.with_older_points([0, 1], {"a": [3, 4]}, older) != ([0, 1, 100], {"a": [3, 4, 6]}, {"100": "then"}):
        return "a shorter run of a curve lost a longer one's point"
    if report.with_older_points([0], {"b": [3]}, older) != ([0], {"b": [3]}, {}):
        return "points of another curve were kept"
    if Check("", 0.6, "≥", 0.65).passed or not Check("", 2.5, "≤", 2.5).passed:
        return "a figure that falls short was taken as reached"
    return ""


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="NAME", help="rows to measure; all without")
    parser.add_argument("--list", action="store_true", help="the rows, and nothing is measured")
    parser.add_argument("--full", action="store_true", help="with the rows and sizes that take long")
    parser.add_argument("--self-test", action="store_true", help="does the instrument work?")
    parser.add_argument("--runs", type=int, default=RUNS, help="of each side (default 5); with fewer the page stays as it is")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of a run (default {SECONDS})")
    parser.add_argument("--pending", type=int, default=PENDING,
                        help="entries of the row that has many (default 10 million); with another number the page stays as it is")
    parser.add_argument("--data", help="a folder on the disk to measure (default /tmp)")
    parser.add_argument("--build", default=ROOT / "build" / "bench", help="where the tools are")
    parser.add_argument("--daemon", default=DAEMON, help="another binary; the page stays as it is")
    return parser.parse_args()


def main():
    given = arguments()
    names = [row.name for row in ROWS]
    if given.list:
        for row in ROWS:
            print(f"{row.name:12} {row.work}" + (" (only when named or with --full)" if row.full else ""))
        return 0
    if unknown := [name for name in given.rows if name not in names]:
        print(f"bench: no row {unknown[0]}; the rows are {' '.join(names)}", file=sys.stderr)
        return 2
    try:
        # Of the self-test nothing depends on the disk, and a container may have no other folder.
        data = given.data or ("/tmp" if given.self_test else best_data_folder())
    except Spoiled as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 2
    lab = Lab(given.build, given.daemon, given.runs, given.seconds, data, given.full,
              given.pending)
    try:
        if given.self_test:
            problem = self_test(lab)
            print(f"bench: self-test: {problem or 'passed'}")
            return 1 if problem else 0
        wanted = [row for row in ROWS if row.name in given.rows or
                  (not given.rows and (given.full or not row.full))]
        keep = given.runs >= RUNS and given.daemon == DAEMON and given.pending == PENDING
        return 0 if all([run_row(row, lab, keep) for row in wanted]) else 1
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
