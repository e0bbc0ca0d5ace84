"""The daemon as a whole: accepting and draining at once, and doing nothing."""

import os
import pathlib
import shutil
import signal
import statistics
import threading
import time

from lab import Daemon, Server
from measure import Check, Outcome, Row, Spoiled, alternate, medians, ratio
from postgres import wait_until


def sample_until(stop, daemon, began, samples):
    """Twice a second: when, how much is pending, how old its oldest is, how much was delivered."""
    while not stop.wait(0.5):
        health = daemon.health()["outbox"]
        samples.append((time.monotonic() - began, health["pending"],
                        health["oldest_pending_age_seconds"] or 0,
                        daemon.metric("holdfast_delivered_entries_total")))


def measure_both(lab):
    seconds = 60 if lab.full else 20
    # What it accepts alone, now, on this machine; half of it is the load.
    alone = statistics.median(lab.accept(connections=64)["per_second"] for _ in range(3))
    rate = alone / 2
    postgres = lab.postgres()
    daemon = Daemon(lab, f'url = "{postgres.url}"')
    samples, stop = [], threading.Event()
    sampler = threading.Thread(target=sample_until, args=(stop, daemon, time.monotonic(), samples))
    try:
        sampler.start()
        run = lab.load(daemon.port, connections=64, rate=round(rate), seconds=seconds, warmup=2)
        stop.set()
        sampler.join()
        wait_until(lambda: daemon.pending() == 0, "the rest of the backlog", 120)
    finally:
        stop.set()
        daemon.stop()
        lab.drop(daemon.folder)
    # Of the second half: what stands by then would go on for ever.
    times, pending, ages, delivered = zip(*[sample for sample in samples if sample[0] > seconds / 2])
    growth = statistics.linear_regression(times, pending).slope
    deliveries = [(after - before) / (then - now) for before, after, now, then in
                  zip(delivered, delivered[2:], times, times[2:])]
    return Outcome("requests/s", [run["per_second"]], [rate], [
        Check("accepted of what was due", run["per_second"] / rate, "≥", 0.98),
        Check("backlog's growth, of the rate", growth / rate, "≤", 0.01),
        Check("lag", max(ages), "≤", 2, " s"),
        Check("slowest second of the drain, of the median",
              min(deliveries) / statistics.median(deliveries), "≥", 0.5)],
        {"ours": {"p50_ms": run["p50_ms"], "p99_ms": run["p99_ms"], "pending, most": max(pending),
                  "delivered a second": statistics.median(deliveries)}})


def at_work(pid):
    """Nanoseconds on a processor and voluntary switches, of all threads so far."""
    nanoseconds = switches = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        nanoseconds += int((task / "schedstat").read_text().split()[0])
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                switches += int(line.split()[1])
    return nanoseconds, switches


def measure_idle(lab):
    seconds = 20
    postgres = lab.postgres()
    postgres.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    daemon = Daemon(lab, f'url = "{postgres.url}"')
    try:
        lab.load(daemon.port, connections=4, requests=100, warmup=0)
        wait_until(lambda: daemon.pending() == 0, "the drain")
        # Past idle_close and the last checkpoint.
        wait_until(lambda: daemon.health()["destination"]["state"] == "idle", "the session's end")
        time.sleep(6)
        postgres.query("SELECT pg_stat_statements_reset()")
        nanoseconds, switches = at_work(daemon.server.process.pid)
        time.sleep(seconds)
        nanoseconds_after, switches_after = at_work(daemon.server.process.pid)
        queries = postgres.query("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements "
                                 "WHERE query NOT LIKE '%pg_stat_statements%'")
        if int(postgres.query("SELECT count(*) FROM holdfast.inbox")) != 100:
            raise Spoiled("the entries before the rest are not in the inbox")
    finally:
        daemon.stop()
        lab.drop(daemon.folder)
    wakeups = (switches_after - switches) / seconds
    return Outcome("wake-ups/s", [wakeups], [], [
        Check("queries", float(queries), "≤", 0), Check("wake-ups", wakeups, "≤", 1, "/s"),
        Check("CPU", (nanoseconds_after - nanoseconds) / seconds / 1e7, "≤", 0.1, " %")])


HURRIED_RUNS_MAX = 3  # They are shown, and decide nothing.


def wait_row(name, added_ms, target):
    """The same requests on both sides: Postgres gets as many a second as 16 senders can write to it, each
    its next as soon as the last is written, and Holdfast as many from as many. Either is charged for what
    a sender waits from its send on; a stall of the disk, which the two share with Postgres, meets those
    who have sent. What Holdfast's senders wait from when a request was due, and what it takes from senders
    who do not wait either, several times as many a second, is shown beside it."""
    def measure(lab):
        postgres = lab.postgres()
        proxy, url, folder = None, postgres.url, lab.folder()
        if added_ms:
            proxy = Server([pathlib.Path(__file__).with_name("delay_proxy.py"), postgres.port, added_ms], folder)
            url = f"postgresql://postgres@127.0.0.1:{proxy.port()}/postgres"

        def direct():
            lab.postgres()
            lab.make_inbox(postgres)
            return lab.tool("bench_limit", "direct", "--url", url, "--connections", 16, "--seconds", lab.seconds,
                            "--warmup", 0.5)

        def ours_once(**load):
            lab.postgres()
            return lab.accept(destination=f'url = "{url}"', connections=16, **load)

        limit, ours, hurried = [], [], []
        try:
            for _ in range(lab.runs):
                limit.append(direct())
                ours.append(ours_once(rate=round(limit[-1]["per_second"])))
                if len(hurried) < HURRIED_RUNS_MAX:
                    hurried.append(ours_once())
        finally:
            if proxy:
                proxy.stop()
            lab.drop(folder)
        shown = ("p50_ms", "p99_ms", "max_ms", "per_second")
        p50, p99 = ([[run["answer_" + name] for run in ours], [run[name] for run in limit]] for name in shown[:2])
        return Outcome("ms, p50", *p50, [Check("p50", ratio(*p50), "≤", target),
                                         Check("p99", ratio(*p99), "≤", target)],
                       {"ours": medians(ours, ("answer_p50_ms", "answer_p99_ms", "answer_max_ms", "per_second",
                                               "delivered")),
                        "limit": medians(limit, shown), "ours, from when it was due": medians(ours, shown[:3]),
                        "ours, by senders who do not wait": medians(hurried, (*shown, "delivered"))})
    there = f", {added_ms} ms added between the two" if added_ms else ""
    return Row(name, "what a sender waits for, 16 connections, as many a second, while draining" + there,
               "an INSERT straight into Postgres by libpq" + there, measure)


def node_once(lab, script):
    if not shutil.which("node"):
        raise Spoiled("starting node: it is not installed; see packages/bench.txt")
    postgres, folder = lab.postgres(), lab.folder()
    postgres.query("DROP TABLE IF EXISTS events")
    server = Server(["node", pathlib.Path(__file__).parent / "node" / script], folder,
                    {**os.environ, "DATABASE_URL": postgres.url, "NODE_ENV": "production"})
    try:
        run = lab.load(server.port(), connections=64)
        if int(postgres.query("SELECT count(*) FROM events")) != run["accepted"]:
            raise Spoiled(f"{script} answered for rows that are not in Postgres")
        return run["per_second"]
    finally:
        server.stop(signal.SIGKILL)
        lab.drop(folder)


def measure_node(lab):
    ways = {"http.js": [], "express.js": []}

    def limit_once():
        for script, runs in ways.items():
            runs.append(node_once(lab, script))
        return max(runs[-1] for runs in ways.values())

    def ours_once():
        return [lab.accept(destination=to, connections=64)["per_second"]
                for to in (f'url = "{lab.postgres().url}"', "")]
    limit, both = alternate(lab.runs, limit_once, ours_once)
    draining, alone = zip(*both)
    return Outcome("requests/s", draining, limit,
                   [Check("ratio", ratio(draining, limit), "≥", 5),
                    Check("without a destination", ratio(alone, limit), "≥", 5)],
                   {"ours": {"without a destination": statistics.median(alone)},
                    "limit": {script: statistics.median(runs) for script, runs in ways.items()}})


ROWS = [
    wait_row("wait", 0, 0.5),
    wait_row("wait20ms", 20, 0.05),
    Row("both", "accept and drain at once, 64 connections, 20 s (60 s with --full)",
        "half of what it accepts alone", measure_both),
    Row("node", "accept while draining, 64 connections",
        "the better of Node http + pg and Express + pg, an INSERT before each answer", measure_node),
    Row("idle", "idle for 20 s, after 100 entries", "–", measure_idle),
]
