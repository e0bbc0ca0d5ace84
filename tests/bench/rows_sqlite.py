"""What a row costs the writer at 64 a commit, beside a plain table."""

from measure import Check, Outcome, Row, alternate, medians, ratio

ENTRIES = 64_000


def fill_by_hand(lab):
    """What our tables and indexes cost by themselves."""
    folder = lab.folder()
    try:
        lab.tool("bench_outbox", "--file", folder / "holdfast.db", "--entries", 1)
        return lab.tool("bench_limit", "rows", "--file", folder / "holdfast.db", "--entries", ENTRIES)
    finally:
        lab.drop(folder)


def append_row(name, backlog):
    def measure(lab):
        # With a backlog both sides go on with the files that were filled for them.
        kept = {side: lab.folder() / "holdfast.db" for side in ("bench_outbox", "bench_limit")}
        words = {"bench_outbox": ("bench_outbox",), "bench_limit": ("bench_limit", "insert")}

        def once(side):
            file = kept[side] if backlog else lab.folder() / "holdfast.db"
            try:
                return lab.tool(*words[side], "--file", file, "--entries", ENTRIES)
            finally:
                if not backlog:
                    lab.drop(file.parent)

        if backlog:
            for side, file in kept.items():
                lab.tool(*words[side], "--file", file, "--entries", backlog, "--group", 512)
        by_hand = []

        def ours_once():
            if not backlog:
                by_hand.append(fill_by_hand(lab))
            return once("bench_outbox")

        limit, ours = alternate(lab.runs, lambda: once("bench_limit"), ours_once)
        for file in kept.values():
            lab.drop(file.parent)
        ours_us, limit_us = ([run["row_us"] for run in runs] for runs in (ours, limit))
        return Outcome("µs a row", ours_us, limit_us,
                       [Check("ratio", ratio(ours_us, limit_us), "≤", 1.5)],
                       {"ours, hashing and hand-over by the senders included": medians(ours, ["whole_row_us"]),
                        **({"the same rows into our tables by hand, duplicates not looked for":
                            medians(by_hand, ["row_us"])} if by_hand else {})})
    return Row(name, "SQLite: appends at 64 a commit, dedupe key on" + (f", at {backlog:,} rows" if backlog else ""),
               "plain insert loop at 64 a commit, FULL, no key", measure)


ROWS = [append_row("sqlite", 0), append_row("sqlite1m", 1_000_000)]
