"""Keeps what was measured as JSON, one object a row, and writes docs/performance.md from it."""

import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import time

from lab import ROOT, file_system_of
from measure import Check, figure

RESULTS = ROOT / "docs" / "performance.json"
PAGE = ROOT / "docs" / "performance.md"


def said(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError:
        return ""
    return done.stdout.strip().split("\n")[0]


def package(name):
    return said("dpkg-query", "-W", "-f=${Version}", name)


def machine(scratch):
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    device, kind = file_system_of(scratch)
    return {"CPU": f"{cpu[1] if cpu else platform.machine()}, {len(os.sched_getaffinity(0))} cores",
            "memory": f"{int(memory[1]) / 1048576:.1f} GiB", "kernel": platform.release(),
            "disk": f"{device}, {kind}"}


def versions():
    return {"Holdfast": said("git", "-c", "safe.directory=*", "-C", str(ROOT), "describe", "--always", "--dirty",
                             "--exclude=*"),
            "g++": said("g++", "-dumpfullversion"), "cpp-httplib": package("libcpp-httplib-dev"),
            "SQLite": package("libsqlite3-0"), "PostgreSQL": package("postgresql-17"),
            "PgBouncer": package("pgbouncer"), "Node": said("node", "--version")}


def load():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def record(row, outcome, lab, load_before):
    """Puts one row into the kept results."""
    results = load()
    results[row.name] = {
        "work": row.work, "limit": row.limit, "unit": outcome.unit,
        "ours": [round(value, 4) for value in outcome.ours],
        "beside": [round(value, 4) for value in outcome.limit],
        "checks": [vars(check) for check in outcome.checks], "details": outcome.details,
        "commands": outcome.commands, "load_before": round(load_before, 2), "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(lab.scratch), "versions": versions()}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return results


def spread(values, unit):
    if not values:
        return "–"
    low, high = figure(min(values)), figure(max(values))
    return f"{figure(statistics.median(values))} ({low} to {high}) {unit}"


def list_of(facts):
    return "; ".join(f"{name} {value}" for name, value in facts.items() if value)


def write_page(results, order):
    rows = [(name, results[name]) for name in order if name in results]
    lines = ["# Performance", "",
             "Written by `./dev bench`, from what it keeps in [performance.json](performance.json). Each row measures Holdfast and its "
             "limit in turns, in one run on one machine, load generator included; figures are medians, with the lowest and "
             "the highest run in brackets. `./dev bench NAME…` repeats rows, `./dev bench --list` names them.", "",
             "| row | work | Holdfast | limit | beside it | reached (wanted) | |", "|---|---|---|---|---|---|---|"]
    for name, row in rows:
        checks = [Check(**check) for check in row["checks"]]
        verdict = "pass" if all(check.passed for check in checks) else "**short**"
        lines.append(f"| {name} | {row['work']} | {spread(row['ours'], row['unit'])} | {row['limit']} "
                     f"| {spread(row['beside'], row['unit'])} | {', '.join(check.text() for check in checks)} "
                     f"| {verdict} |")
    lines += ["", "## Where and with what", ""]
    places = {}
    for name, row in rows:
        places.setdefault((list_of(row["machine"]), list_of(row["versions"])), []).append(name)
    for (place, with_what), names in places.items():
        lines += [f"- {', '.join(names)}: {place}. {with_what}."]
    lines += ["", "## Details and commands", "",
              "The tools are built by `./dev bench` into `build/bench/tests/bench/`; what is in capitals is chosen by each run.", ""]
    for name, row in rows:
        lines += [f"**{name}** ({row['at']}, load average before it {row['load_before']})", ""]
        for side, figures in row["details"].items():
            shown = ", ".join(f"{key} {figure(value)}" for key, value in figures.items())
            lines += [f"- {side}: {shown}"]
        lines += [f"- `{command}`" for command in row["commands"]] + [""]
    PAGE.write_text("\n".join(lines).rstrip() + "\n")
