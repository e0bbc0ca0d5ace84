"""Starts and stops what is measured: the real daemon, the limits, the load. All of it listens on
127.0.0.1, lives in one scratch folder and ends with the run."""

import json
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import urllib.request

from measure import Spoiled
from postgres import Postgres

ROOT = pathlib.Path(__file__).resolve().parents[2]
THREADS = 320  # Of both servers: more than the connections of any row.
START_SECONDS_MAX = 30
TOOL_SECONDS_MAX = 900
SOURCE = '[[source]]\nname = "bench"\nprovider = "none"\ndedupe = "/id"\n'


class Server:
    """A program that says on which ports it listens."""

    def __init__(self, command, folder, environment=None):
        self.out = folder / "out"
        with open(self.out, "wb") as out, open(folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdout=out, stderr=log, cwd=folder, env=environment)
        self.log = folder / "log"

    def port(self, before=""):
        """The port in "…BEFORE…listening on 127.0.0.1:PORT"."""
        wanted = re.compile(before + r"listening on (?:http://)?127\.0\.0\.1:(\d+)\n")
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline and self.process.poll() is None:
            if found := wanted.search(self.out.read_text()):
                return int(found[1])
            time.sleep(0.005)
        raise Spoiled(f"starting {self.process.args[0]}: not ready:\n" + self.log.read_text()[-2000:])

    def stop(self, by=signal.SIGTERM):
        self.process.send_signal(by)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Spoiled(f"stopping {self.process.args[0]}: still there after 60 s") from None


def write_config(folder, destination, sources=SOURCE, outbox=""):
    file = folder / "holdfast.toml"
    file.write_text(
        f'[ingress]\nlisten = "127.0.0.1:0"\nmax_connections = {THREADS}\n'
        f'[outbox]\npath = "{folder}/holdfast.db"\n{outbox}'
        f'[destination]\n{destination}\n[admin]\nlisten = "127.0.0.1:0"\n{sources}')
    return file


class Daemon:
    """The release binary with a fresh outbox, unless `folder` has one. Its syncs are counted by the
    preloaded shim, which makes each take `delay_us` longer."""

    def __init__(self, lab, destination="", sources=SOURCE, delay_us=0, folder=None, outbox=""):
        self.folder = folder or lab.folder()
        self.config = write_config(self.folder, destination, sources, outbox)
        self.counter = self.folder / "syncs"
        self.counter.write_bytes(bytes(16))
        began = time.monotonic()
        self.server = Server([lab.daemon, "serve", "--config", self.config], self.folder,
                             lab.preloaded(delay_us, self.counter))
        self.port = self.server.port("ingress ")
        self.admin_port = self.server.port("admin ")
        self.start_seconds = time.monotonic() - began

    def syncs(self):
        """How many so far, and the mean of their milliseconds."""
        count, nanoseconds = struct.unpack("qq", self.counter.read_bytes())
        return count, nanoseconds / count / 1e6 if count else 0

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def post(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", b"{}",
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def health(self):
        return json.loads(self.get("/api/health"))

    def pending(self):
        return self.health()["outbox"]["pending"]

    def metric(self, name):
        """The sum over all labels."""
        lines = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.get("/metrics"), re.MULTILINE)
        if not lines:
            raise Spoiled(f"reading metric {name}: there is none")
        return sum(float(value) for value in lines)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s*(\d+) kB$", status, re.MULTILINE)[1]) / 1024

    def wait_until_idle(self):
        """What a start leaves to idle moments is done: it takes no processor any more."""
        stat = pathlib.Path(f"/proc/{self.server.process.pid}/stat")
        ticks = lambda: sum(map(int, stat.read_text().rsplit(")", 1)[1].split()[11:13]))
        began = time.monotonic()
        while time.monotonic() - began < START_SECONDS_MAX:
            before = ticks()
            time.sleep(0.5)
            if ticks() - before <= 1:
                return time.monotonic() - began
        raise Spoiled(f"starting {self.server.process.args[0]}: not idle after {START_SECONDS_MAX} s")

    def stop(self):
        # Nothing is looked at in the outbox afterwards, so nobody waits for its last checkpoint.
        self.server.stop(signal.SIGKILL)


class Lab:
    def __init__(self, build, daemon, runs, seconds, data, full=False, pending=10_000_000):
        self.tools = pathlib.Path(build).resolve() / "tests" / "bench"
        self.daemon = pathlib.Path(daemon).resolve()
        self.runs, self.seconds, self.full, self.pending = runs, seconds, full, pending
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=data))
        self.scratch.chmod(0o755)
        self.made = 0
        self.commands = []
        self.private_postgres = None

    def postgres(self):
        """Started when a row first needs it, and the same for all; empty."""
        if self.private_postgres is None:
            self.private_postgres = Postgres(self)
        self.private_postgres.empty()
        return self.private_postgres

    def close(self):
        if self.private_postgres is not None:
            self.private_postgres.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def disk_free(self):
        return shutil.disk_usage(self.scratch).free

    def folder(self):
        self.made += 1
        folder = self.scratch / str(self.made)
        folder.mkdir()
        return folder

    def make_inbox(self, postgres):
        """The tables as the daemon makes them."""
        folder = self.folder()
        config = write_config(folder, f'url = "{postgres.url}"')
        subprocess.run([self.daemon, "migrate", "apply", "--config", config], check=True,
                       stdout=subprocess.DEVNULL)
        self.drop(folder)

    def drop(self, folder):
        """A run's files go at once: writing them back would disturb the next run."""
        shutil.rmtree(folder, ignore_errors=True)

    def preloaded(self, delay_us, counter=None):
        return {**os.environ, "LD_PRELOAD": str(self.tools / "libslow_sync.so"),
                "HOLDFAST_SYNC_DELAY_US": str(delay_us),
                **({"HOLDFAST_SYNC_COUNT": str(counter)} if counter else {})}

    def tool(self, *words, environment=None, timeout=TOOL_SECONDS_MAX):
        """Runs one of ours to its end; what it prints as JSON."""
        command = [str(self.tools / words[0]), *map(str, words[1:])]
        shown = " ".join([words[0], *map(str, words[1:])])
        shown = re.sub(re.escape(str(self.scratch)) + r"/\d+", "SCRATCH", shown)
        self.commands.append(re.sub(r"--port \d+", "--port PORT", shown))
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout)
        if done.returncode not in (0, 1) or not done.stdout.strip():
            raise Spoiled(f"running {shown}: {done.stderr.strip()}")
        result = json.loads(done.stdout)
        if done.returncode == 1:
            raise Spoiled(f"running {shown}: {result.get('failed')} failed, the first: "
                          f"{result.get('first_failure')}")
        return result

    def load(self, port, **options):
        # What the runs before have written and removed goes to the disk now: a file system mounted with
        # "discard" gives back what was removed with the next commit, and whoever syncs waits for it.
        os.sync()
        words = []
        for name, value in {"warmup": min(0.5, self.seconds), "seconds": self.seconds, **options}.items():
            words += ["--" + name.replace("_", "-"), value]
        return self.tool("bench_load", "--port", port, *words)

    def bare(self, **load):
        """One run against the server that stores nothing."""
        folder = self.folder()
        server = Server([self.tools / "bench_limit", "bare", "--threads", THREADS], folder)
        try:
            return self.load(server.port(), **load)
        finally:
            server.stop(signal.SIGKILL)
            self.drop(folder)

    def sync_time(self, delay_us=0):
        """One run of: append 4 KiB, fdatasync."""
        folder = self.folder()
        try:
            return self.tool("bench_limit", "sync", "--file", folder / "probe", "--seconds",
                             min(1, self.seconds), environment=self.preloaded(delay_us))
        finally:
            self.drop(folder)

    def accept(self, delay_us=0, destination="", **load):
        """One run against the daemon, which must have stored and synced all that it accepted."""
        daemon = Daemon(self, destination, delay_us=delay_us)
        try:
            syncs_before = daemon.syncs()[0]
            result = self.load(daemon.port, **load)
            syncs, sync_ms = daemon.syncs()
            stored = daemon.metric("holdfast_outbox_group_entries_sum")
            commits = daemon.metric("holdfast_outbox_group_entries_count")
            delivered = daemon.metric("holdfast_delivered_entries_total")
        finally:
            daemon.stop()
            self.drop(daemon.folder)
        if stored != result["accepted"]:
            raise Spoiled(f"{result['accepted']} were answered with a 2xx and {stored:.0f} committed")
        if syncs - syncs_before < commits:
            raise Spoiled(f"{commits:.0f} commits with only {syncs - syncs_before} syncs")
        return {**result, "entries_a_commit": stored / commits, "sync_ms": sync_ms,
                "delivered": delivered}


def file_system_of(folder):
    """Device and type of what the folder is on."""
    best = ("", "?", "?")
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        after = fields[fields.index("-") + 1:]
        inside = (str(folder) + "/").startswith(fields[4].rstrip("/") + "/")
        if inside and len(fields[4]) >= len(best[0]):
            best = (fields[4], after[1], after[0])
    return best[1], best[2]


def best_data_folder():
    """A folder on a disk: on tmpfs a sync costs nothing, and no figure would mean anything."""
    for folder in ("/tmp", "/var/tmp", str(ROOT / "build")):
        if file_system_of(folder)[1] not in ("tmpfs", "ramfs", "overlay"):
            return folder
    raise Spoiled("finding a folder on a disk: /tmp, /var/tmp and build/ are none; use --data FOLDER")
