"""Rows about accepting: how many requests a second are durable, and how long each waits."""

import statistics

from measure import Check, Outcome, Row, Spoiled, alternate, medians, ratio

SHOWN = ("p50_ms", "p99_ms", "max_ms")


def rates(runs):
    return [run["per_second"] for run in runs]


def accept_outcome(lab, checks, **load):
    """Ours beside the bare server under the same load; `checks(ours, limit)` gives what counts."""
    limit, ours = alternate(lab.runs, lambda: lab.bare(**load), lambda: lab.accept(**load))
    return Outcome("requests/s", rates(ours), rates(limit), checks(ours, limit), {
        "ours": medians(ours, (*SHOWN, "entries_a_commit", "sync_ms", "answer_bytes")),
        "limit": medians(limit, (*SHOWN, "answer_bytes"))})


def accept(connections, target):
    def measure(lab):
        return accept_outcome(
            lab, lambda ours, limit: [Check("ratio", ratio(rates(ours), rates(limit)), "≥", target)],
            connections=connections)
    return Row(f"accept{connections}",
               f"accept, {connections} keep-alive connections, 700-byte JSON, dedupe key on",
               "bare cpp-httplib server with the same pool and answer", measure)


def slow_disk(delay_ms, connections, target):
    """The limit is a group that always holds everybody who waits."""
    def measure(lab):
        delay_us = delay_ms * 1000
        limit, ours = alternate(lab.runs, lambda: lab.sync_time(delay_us),
                                lambda: lab.accept(delay_us, connections=connections))
        limits = [connections / (run["sync_p50_ms"] / 1000) for run in limit]
        return Outcome("requests/s", rates(ours), limits,
                       [Check("ratio", ratio(rates(ours), limits), "≥", target)],
                       {"ours": medians(ours, (*SHOWN, "entries_a_commit", "sync_ms")),
                        "limit": medians(limit, ("sync_p50_ms", "sync_p99_ms"))})
    return Row(f"slow{delay_ms}ms{connections}",
               f"accept, {connections} connections, {delay_ms} ms added to each sync",
               "connections ÷ the time of one sync", measure)


def measure_ack(lab):
    limit, ours = alternate(lab.runs, lab.sync_time, lambda: lab.accept(connections=1))
    ours_ms, limit_ms = ([run["p50_ms"] for run in runs] for runs in (ours, limit))
    return Outcome("ms, p50", ours_ms, limit_ms,
                   [Check("ratio", ratio(ours_ms, limit_ms), "≤", 2.5)],
                   {"ours": medians(ours, (*SHOWN, "sync_ms")), "limit": medians(limit, SHOWN)})


def measure_new_connections(lab):
    return accept_outcome(
        lab, lambda ours, limit: [
            Check("ratio", ratio(rates(ours), rates(limit)), "≥", 0.8),
            Check("p99", medians(ours, ["p99_ms"])["p99_ms"], "≤", 10, " ms")],
        connections=64, connect_each=1)


def tail(name, what, draining):
    """Runs long enough for the WAL to be checkpointed many times."""
    load = {"connections": 64, "seconds": 3}

    def measure(lab):
        def ours_once():
            if not draining:
                return lab.accept(**load)
            postgres = lab.postgres()
            run = lab.accept(destination=f'url = "{postgres.url}"', **load)
            if run["delivered"] == 0:
                raise Spoiled("nothing was delivered meanwhile")
            return run
        limit, ours = alternate(lab.runs, lambda: lab.bare(**load), ours_once)
        p99 = [run["p99_ms"] for run in ours]
        return Outcome("ms, p99", p99, [run["p99_ms"] for run in limit],
                       [Check("p99", statistics.median(p99), "≤", 10, " ms")],
                       {"ours": medians(ours, (*SHOWN, "per_second", "accepted", "delivered")),
                        "limit": medians(limit, (*SHOWN, "per_second"))})
    return Row(name, f"tail of one ack, 64 connections, {what}", "bare cpp-httplib server", measure)


ROWS = [
    accept(64, 0.65),
    accept(16, 0.50),
    accept(256, 0.60),
    slow_disk(1, 16, 0.8),
    slow_disk(1, 64, 0.5),
    slow_disk(3, 16, 0.8),
    slow_disk(3, 64, 0.5),
    Row("ack1", "latency of one ack, 1 connection", "append 4 KiB + fdatasync on the same disk",
        measure_ack),
    tail("tail64", "checkpoints included", draining=False),
    tail("tail64drain", "while draining", draining=True),
    Row("newconn", "a new connection for each request, 64 at once",
        "bare cpp-httplib server with a listen backlog of 4096", measure_new_connections),
]
