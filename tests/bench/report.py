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


def commit():
    """With -dirty if what is measured differs from it; the page itself does, after the first row."""
    git = ("git", "-c", "safe.directory=*", "-C", str(ROOT))
    changed = said(*git, "status", "--porcelain", "--", "src", "include", "migrations", "tests/bench", "CMakeLists.txt")
    return said(*git, "rev-parse", "--short", "HEAD") + ("-dirty" if changed else "")


def versions():
    return {"Holdfast": commit(),
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


def with_older_points(x, series, older):
    """A shorter run leaves the longer points of the one before; what they are called, and from when."""
    kept = [at for at in older.get("x", []) if at not in x] if set(older.get("series", {})) == set(series) else []
    points = sorted({at: (at, values) for at, values in
                     [*((at, [older["series"][name][older["x"].index(at)] for name in series]) for at in kept),
                      *zip(x, zip(*series.values()))]}.values())
    measured = {str(at): older.get("kept", {}).get(str(at), older["at"]) for at in kept}
    return ([at for at, _ in points],
            {name: [round(values[n], 3) for _, values in points] for n, name in enumerate(series)}, measured)


def record_growth(row, x, series, lab, load_before):
    results = load()
    x, series, kept = with_older_points(x, series, results.get(row.name, {}))
    results[row.name] = {
        "growth": True, "work": row.work, "x_title": row.x_title, "y_title": row.y_title, "x": x,
        "log_x": row.log_x, "log_y": row.log_y, "series": series, "kept": kept,
        "load_before": round(load_before, 2), "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(lab.scratch), "versions": versions()}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    draw(row.name, results[row.name])


def picture(name):
    return PAGE.parent / (name.replace("growth-", "performance-") + ".svg")


def axes(growth, right):
    """The x axis is log with names for the points; a 0 has no place there and stands a decade before the first."""
    ticks, places = [], []
    for x in growth["x"]:
        places.append(x or min(value for value in growth["x"] if value) / 10)
        ticks.append(f"'{x:,}' {places[-1]}")
    lines = [f"set xtics ({', '.join(ticks)})", f"set xlabel '{growth['x_title']}'", f"set ylabel '{growth['y_title']}'"]
    if growth["log_x"]:
        lines += ["set logscale x", f"set xrange [{min(places) / 1.5}:{max(places) * 1.5}]"]
    lines += ["set logscale y"] if growth["log_y"] else ["set yrange [0:*]"]
    if right:
        lines += [f"set y2label '{right}'", "set y2tics", "set ytics nomirror"]
        lines += ["set logscale y2"] if growth["log_y"] else ["set y2range [0:*]"]
    return lines, places


def draw(name, growth):
    """The curve as a picture, where gnuplot is there. What is in ms or MB/s has the axis on the right."""
    columns = list(growth["series"])
    unit = next((unit for unit in ("p99 in ms", "MB/s") if any(unit in column for column in columns)), "")
    set_axes, places = axes(growth, unit)
    lines = ["set terminal svg size 760,440 font 'sans,13' background '#ffffff'", f"set output '{picture(name)}'",
             "set grid", "set key tmargin center horizontal", "set format y '%.0f'", f"set title '{growth['work']}' noenhanced", *set_axes]
    lines += ["$data << END"] + [" ".join(str(value) for value in (at, *values)) for at, values in
                                 zip(places, zip(*growth["series"].values()))] + ["END"]
    # One colour a series, dashed where the other axis counts.
    colours = {side: colour for side, colour in zip(dict.fromkeys(column.split(",")[0] for column in columns),
                                                    ("#0060ad", "#c05000"))}
    lines += ["plot " + ", ".join(
        f"$data using 1:{at + 2}" + (" axes x1y2" if unit and unit in column else "") +
        f" with linespoints lw 2 pt 7 lc rgb '{colours[column.split(',')[0]]}'" +
        (" dt 2" if unit and unit in column else "") + f" title '{column}'" for at, column in enumerate(columns))]
    try:
        subprocess.run(["gnuplot"], input="\n".join(lines) + "\n", text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        pass


def growth_lines(results, order):
    lines = []
    for name in order:
        growth = results.get(name)
        if growth is None or not growth.get("growth"):
            continue
        lines += [f"**{name}**: {growth['work']} ({growth['at']})", ""]
        if picture(name).exists():
            lines += [f"![{growth['work']}]({picture(name).name})", ""]
        lines += [f"| {growth['x_title']} | " + " | ".join(growth["series"]) + " |",
                  "|---" * (1 + len(growth["series"])) + "|"]
        lines += ["| " + " | ".join([f"{x:,}", *map(figure, values)]) + " |" for x, values in
                  zip(growth["x"], zip(*growth["series"].values()))] + [""]
        if kept := growth.get("kept"):
            lines += ["Measured before, with `--full`: " +
                      ", ".join(f"{int(x):,} ({at})" for x, at in kept.items()) + ".", ""]
    return ["## As it grows", ""] + lines if lines else []


def spread(values, unit):
    if not values:
        return "–"
    low, high = figure(min(values)), figure(max(values))
    return f"{figure(statistics.median(values))} ({low} to {high}) {unit}"


def list_of(facts):
    return "; ".join(f"{name} {value}" for name, value in facts.items() if value)


def write_page(results, order):
    rows = [(name, results[name]) for name in order
            if name in results and not results[name].get("growth")]
    lines = ["# Performance", "",
             "Written by `./dev bench`, from what it keeps in [performance.json](performance.json). Each row measures Holdfast and its "
             "limit in turns, in one run on one machine, load generator included; figures are medians, with the lowest and "
             "the highest run in brackets. `./dev bench NAME…` repeats rows, `./dev bench --list` names them. What was tuned, what it "
             "brought, and what stands in the way: [tuning.md](tuning.md).", "",
             "| row | work | Holdfast | limit | beside it | reached (wanted) | |", "|---|---|---|---|---|---|---|"]
    for name, row in rows:
        checks = [Check(**check) for check in row["checks"]]
        verdict = "pass" if all(check.passed for check in checks) else "**short**"
        lines.append(f"| {name} | {row['work']} | {spread(row['ours'], row['unit'])} | {row['limit']} "
                     f"| {spread(row['beside'], row['unit'])} | {', '.join(check.text() for check in checks)} "
                     f"| {verdict} |")
    lines += ["", *growth_lines(results, order), "## Where and with what", ""]
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
