"""How costs grow: with what is pending, with the size of a body, with the number of connections."""

import statistics
import time

from lab import Daemon
from measure import Check, Growth, Outcome, Row, Spoiled
from postgres import wait_until

BODY = 200
BYTES_AN_ENTRY = 1300  # Of such a body, with its row and indexes, and the WAL beside it.
ROOMY = 'max_size = "1024GiB"\ndisk_reserve = "0B"\n'
# What is drained where nothing was pending: enough for some seconds.
SMALL = 200_000
POINT_SECONDS = 1  # Of each of two runs a point of a curve.


class Filled:
    """An outbox with so many pending entries, made once, and daemons on it."""

    def __init__(self, lab, entries):
        self.lab, self.folder = lab, lab.folder()
        if (needed := entries * BYTES_AN_ENTRY) > (free := lab.disk_free()):
            raise Spoiled(f"filling an outbox with {entries:,} entries: needs {needed >> 30} GiB of disk, and {free >> 30} are free")
        if entries > 0:
            lab.tool("bench_outbox", "--file", self.folder / "holdfast.db", "--entries", entries,
                     "--group", 512, "--body", BODY, "--paused", 1)

    def accept(self, **load):
        """The load, once the start is over and at once, and what the daemon was like: start, a page of the
        list, memory."""
        at_once = Daemon(self.lab, folder=self.folder, outbox=ROOMY)
        try:
            first = self.lab.load(at_once.port, connections=64, body=BODY, **load)["per_second"]
        finally:
            at_once.stop()
        daemon = Daemon(self.lab, folder=self.folder, outbox=ROOMY)
        try:
            idle_s = daemon.wait_until_idle()
            run = self.lab.load(daemon.port, connections=64, body=BODY, **load)
            pages = []
            for _ in range(20):
                began = time.monotonic()
                daemon.get("/api/v1/entries?limit=50")
                pages.append((time.monotonic() - began) * 1000)
            return {**run, "at_once": first, "idle_s": idle_s, "start_s": daemon.start_seconds, "page_ms": statistics.median(pages),
                    "rss_mib": daemon.resident_mib()}
        finally:
            daemon.stop()

    def drain(self, seconds=4):
        """Entries a second while it drains, the first moments left out."""
        postgres = self.lab.postgres()
        self.lab.make_inbox(postgres)
        daemon = Daemon(self.lab, f'url = "{postgres.url}"', folder=self.folder, outbox=ROOMY)
        name = "holdfast_delivered_entries_total"
        try:
            daemon.post("/api/v1/relay/resume")
            wait_until(lambda: daemon.metric(name) > 5000, "the drain")
            before, began = daemon.metric(name), time.monotonic()
            while time.monotonic() - began < seconds and daemon.pending() > 5000:
                time.sleep(0.05)
            after, ended = daemon.metric(name), time.monotonic()
            daemon.post("/api/v1/relay/pause")
            return (after - before) / (ended - began)
        finally:
            daemon.stop()

    def close(self):
        self.lab.drop(self.folder)


def measure_many_pending(lab):
    """One large outbox for all runs; the empty one is made anew for each."""
    many = Filled(lab, lab.pending)
    large, small = [], []
    try:
        for _ in range(lab.runs):
            empty, few = Filled(lab, 0), Filled(lab, SMALL)
            small.append({**empty.accept(), "drain": few.drain()})
            empty.close()
            few.close()
            large.append({**many.accept(), "drain": many.drain()})
    finally:
        many.close()
    median = lambda runs, name: statistics.median(run[name] for run in runs)
    return Outcome("requests/s", [run["per_second"] for run in large], [run["per_second"] for run in small], [
        Check("accept", median(large, "per_second") / median(small, "per_second"), "≥", 0.9),
        Check("drain", median(large, "drain") / median(small, "drain"), "≥", 0.9),
        Check("a page of the list", median(large, "page_ms"), "≤", 20, " ms"),
        Check("start", median(large, "start_s"), "≤", 1, " s"),
        Check("memory", median(large, "rss_mib"), "≤", 64, " MiB")],
        {side: {name: median(runs, name) for name in ("p99_ms", "at_once", "idle_s", "drain", "page_ms", "start_s", "rss_mib")}
         for side, runs in (("ours", large), ("limit", small))})


def twice(measure):
    """A point of a curve: the median of two short runs, figure by figure."""
    runs = [measure(), measure()]
    return {name: statistics.median(run[name] for run in runs) for name in ("per_second", "p99_ms")}


def accept_once(lab, count):
    filled = Filled(lab, count)
    try:
        return filled.accept(seconds=POINT_SECONDS)
    finally:
        filled.close()


def grow_pending(lab):
    """What a run adds counts beside few: those outboxes are made anew for each."""
    counts = [0, 10_000, 1_000_000] + ([lab.pending] if lab.full else [])
    accepts, drains = [], []
    for count in counts:
        few = count < SMALL
        if few:
            accepts.append(twice(lambda: accept_once(lab, count))["per_second"])
        filled = Filled(lab, SMALL if few else count)
        try:
            if not few:
                accepts.append(twice(lambda: filled.accept(seconds=POINT_SECONDS))["per_second"])
            drains.append(statistics.median(filled.drain(seconds=POINT_SECONDS) for _ in range(2)))
        finally:
            filled.close()
    return counts, {"accepted a second": accepts, "drained a second": drains}


def beside_bare(lab, loads):
    """Ours and the bare server, under one load after another."""
    loads = [{"seconds": POINT_SECONDS, **load} for load in loads]
    return ([twice(lambda: lab.accept(**load)) for load in loads],
            [twice(lambda: lab.bare(**load)) for load in loads])


def grow_bodies(lab):
    sizes = [200, 2_048, 20_480, 204_800]
    ours, bare = beside_bare(lab, [{"connections": 16, "body": size} for size in sizes])

    def megabytes(runs):
        return [run["per_second"] * size / 1e6 for run, size in zip(runs, sizes)]
    return sizes, {"Holdfast": [run["per_second"] for run in ours],
                   "bare server": [run["per_second"] for run in bare],
                   "Holdfast, MB/s": megabytes(ours), "bare server, MB/s": megabytes(bare)}


def grow_connections(lab):
    counts = [1, 4, 16, 64, 256]
    ours, bare = beside_bare(lab, [{"connections": count} for count in counts])
    return counts, {"Holdfast": [run["per_second"] for run in ours],
                    "bare server": [run["per_second"] for run in bare],
                    "Holdfast, p99 in ms": [run["p99_ms"] for run in ours],
                    "bare server, p99 in ms": [run["p99_ms"] for run in bare]}


ROWS = [
    Row("pending10m", "accept with 64 connections and drain at 10 million pending entries with bodies of 200 bytes",
        "the same with none pending", measure_many_pending, full=True),
    Growth("growth-pending", "accept with 64 connections and drain, by what is pending",
           f"pending entries (a drain begins at {SMALL:,} at least)", "a second", grow_pending, log_x=True),
    Growth("growth-body", "accept with 16 connections by the size of the body", "bytes of a body", "requests a second",
           grow_bodies, log_x=True, log_y=True),
    Growth("growth-connections", "accept by the number of connections", "connections", "requests a second",
           grow_connections, log_x=True, log_y=True),
]
