"""How fast a backlog reaches Postgres, beside the same rows written by hand."""

import shutil
import statistics
import time

from lab import SOURCE, Daemon
from measure import Check, Outcome, Row, Spoiled, alternate, ratio
from postgres import PgBouncer, wait_until

ENTRIES = 200_000
WRITTEN = 40_000
ORDERED = SOURCE + 'order_by = "/user"\n'


def must_hold(postgres, entries, table="holdfast.inbox"):
    stored = int(postgres.query(f"SELECT count(*) FROM {table}"))
    if stored != entries:
        raise Spoiled(f"{stored} of {entries} entries are in {table}")


class Backlog:
    """An outbox filled once, with the relay paused; each run drains a copy of it."""

    def __init__(self, lab, ordered=0, entries=ENTRIES, kind="sample"):
        self.lab, self.folder, self.entries = lab, lab.folder(), entries
        lab.tool("bench_outbox", "--file", self.folder / "holdfast.db", "--entries", entries,
                 "--group", 512, "--paused", 1, "--ordered", ordered, "--kind", kind)

    def drain(self, postgres, url=None, connections=1, sources=SOURCE):
        """Entries a second, from the resume until none is pending."""
        self.lab.make_inbox(postgres)
        folder = self.lab.folder()
        shutil.copy(self.folder / "holdfast.db", folder)
        daemon = Daemon(self.lab, f'url = "{url or postgres.url}"\nconnections = {connections}',
                        sources, folder=folder)
        try:
            if daemon.pending() != self.entries:
                raise Spoiled("entries left before the drain began")
            began = time.monotonic()
            daemon.post("/api/v1/relay/resume")
            wait_until(lambda: daemon.pending() == 0, "the drain", 120)
            took = time.monotonic() - began
        finally:
            daemon.stop()
            self.lab.drop(folder)
        must_hold(postgres, self.entries)
        return self.entries / took

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


def measure_written(lab, kind, source, tables, make=""):
    """Entries that mean more than their row in the inbox. `tables`: where each leaves how many rows."""
    backlog = Backlog(lab, entries=WRITTEN, kind=kind[0])
    alone = []

    def emptied():
        postgres = lab.postgres()
        if make:
            postgres.query(make)
        return postgres

    def verified(postgres, per_second):
        for table, rows in tables.items():
            must_hold(postgres, rows, table)
        return per_second

    def by_hand_once(inbox):
        postgres = emptied()
        lab.make_inbox(postgres)
        run = lab.tool("bench_limit", kind[1], "--url", postgres.url, "--entries", WRITTEN, "--inbox", inbox)
        must_hold(postgres, WRITTEN if inbox else 0)
        return verified(postgres, run["per_second"])

    def limit_once():
        alone.append(by_hand_once(0))
        return by_hand_once(1)

    def ours_once():
        postgres = emptied()
        return verified(postgres, backlog.drain(postgres, sources=source))
    try:
        limit, ours = alternate(lab.runs, limit_once, ours_once)
    finally:
        backlog.close()
    return Outcome("entries/s", ours, limit, [Check("ratio", ratio(ours, limit), "≥", 0.7)],
                   {"by hand, nothing kept in the inbox": {
                       "entries a second": statistics.median(alone), "ratio": ratio(ours, alone)}})


def measure_declared(lab):
    statement = "INSERT INTO public.activities (id, user_id, kind, data) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
    return measure_written(
        lab, ("sample", "declared"),
        SOURCE + f'write = [{{ statement = "{statement}", parameters = ["/id", "/user", "/kind", ""] }}]\n',
        {"public.activities": WRITTEN},
        "DROP TABLE IF EXISTS public.activities; CREATE TABLE public.activities "
        "(id text PRIMARY KEY, user_id text, kind text, data jsonb)")


def measure_whatsapp(lab):
    return measure_written(lab, ("whatsapp", "whatsapp"), SOURCE + 'write = "whatsapp"\n',
                           {"holdfast.messages": WRITTEN, "holdfast.users": 1000})


BY_HAND = "best of COPY to staging + INSERT … ON CONFLICT and unnest INSERT, 1,000 a transaction"
WRITTEN_BY_HAND = "the same statements with arrays, after an unnest INSERT into the inbox, 1,000 a transaction"
ROWS = [
    Row("drain", f"drain of {ENTRIES:,} entries, one connection", BY_HAND, measure_drain),
    Row("drainpgb", f"drain of {ENTRIES:,} entries through PgBouncer", BY_HAND + ", without it",
        measure_pgbouncer),
    Row("drain2", "drain with 2 connections and order_by over 1,000 keys", "the same with one connection",
        measure_two_connections),
    Row("declared", f"drain of {WRITTEN:,} entries with a declared statement, an INSERT of four values", WRITTEN_BY_HAND,
        measure_declared),
    Row("whatsapp", f"drain of {WRITTEN:,} entries with the WhatsApp operation, a text of one of 1,000 senders each",
        WRITTEN_BY_HAND, measure_whatsapp),
]
