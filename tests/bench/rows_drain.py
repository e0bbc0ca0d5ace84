"""How fast a backlog reaches Postgres, beside the same rows written by hand."""

import shutil
import time

from lab import SOURCE, Daemon
from measure import Check, Outcome, Row, Spoiled, alternate, ratio
from postgres import PgBouncer, wait_until

ENTRIES = 200_000
ORDERED = SOURCE + 'order_by = "/user"\n'


def must_hold(postgres, entries):
    stored = int(postgres.query("SELECT count(*) FROM holdfast.inbox"))
    if stored != entries:
        raise Spoiled(f"{stored} of {entries} entries are in the inbox")


class Backlog:
    """An outbox filled once, with the relay paused; each run drains a copy of it."""

    def __init__(self, lab, ordered=0):
        self.lab, self.folder = lab, lab.folder()
        lab.tool("bench_outbox", "--file", self.folder / "holdfast.db", "--entries", ENTRIES,
                 "--group", 512, "--paused", 1, "--ordered", ordered)

    def drain(self, postgres, url=None, connections=1, sources=SOURCE):
        """Entries a second, from the resume until none is pending."""
        self.lab.make_inbox(postgres)
        folder = self.lab.folder()
        shutil.copy(self.folder / "holdfast.db", folder)
        daemon = Daemon(self.lab, f'url = "{url or postgres.url}"\nconnections = {connections}',
                        sources, folder=folder)
        try:
            if daemon.pending() != ENTRIES:
                raise Spoiled("entries left before the drain began")
            began = time.monotonic()
            daemon.post("/api/v1/relay/resume")
            wait_until(lambda: daemon.pending() == 0, "the drain", 120)
            took = time.monotonic() - began
        finally:
            daemon.stop()
            self.lab.drop(folder)
        must_hold(postgres, ENTRIES)
        return ENTRIES / took

    def close(self):
        self.lab.drop(self.folder)


def by_hand(lab, way):
    postgres = lab.postgres()
    lab.make_inbox(postgres)
    run = lab.tool("bench_limit", way, "--url", postgres.url, "--entries", ENTRIES)
    must_hold(postgres, ENTRIES)
    return run["per_second"]


def against_by_hand(lab, target, ours_once):
    """The better of the two ways counts, in each round anew."""
    ways = {"copy": [], "unnest": []}

    def limit_once():
        for way, runs in ways.items():
            runs.append(by_hand(lab, way))
        return max(runs[-1] for runs in ways.values())
    limit, ours = alternate(lab.runs, limit_once, ours_once)
    return Outcome("entries/s", ours, limit, [Check("ratio", ratio(ours, limit), "≥", target)],
                   {"best by hand": {way: max(runs) for way, runs in ways.items()}})


def measure_drain(lab):
    backlog = Backlog(lab)
    try:
        return against_by_hand(lab, 0.85, lambda: backlog.drain(lab.postgres()))
    finally:
        backlog.close()


def measure_pgbouncer(lab):
    backlog = Backlog(lab)
    bouncer = PgBouncer(lab, lab.postgres())
    try:
        return against_by_hand(lab, 0.80, lambda: backlog.drain(lab.postgres(), url=bouncer.url))
    finally:
        bouncer.close()
        backlog.close()


def measure_two_connections(lab):
    backlog = Backlog(lab, ordered=1)
    try:
        one, two = alternate(
            lab.runs, *(lambda n=n: backlog.drain(lab.postgres(), connections=n, sources=ORDERED)
                        for n in (1, 2)))
        return Outcome("entries/s", two, one, [Check("ratio", ratio(two, one), "≥", 1.5)])
    finally:
        backlog.close()


BY_HAND = "best of COPY to staging + INSERT … ON CONFLICT and unnest INSERT, 1,000 a transaction"
ROWS = [
    Row("drain", f"drain of {ENTRIES:,} entries, one connection", BY_HAND, measure_drain),
    Row("drainpgb", f"drain of {ENTRIES:,} entries through PgBouncer", BY_HAND + ", without it",
        measure_pgbouncer),
    Row("drain2", "drain with 2 connections and order_by over 1,000 keys", "the same with one connection",
        measure_two_connections),
]
