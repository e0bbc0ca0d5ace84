"""A private PostgreSQL and PgBouncer, with everything synced: what the relay waits for counts."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

from measure import Spoiled

# Quiet, because its log would be measured otherwise; checkpoints and vacuums less often than a row
# takes, for both sides alike.
SETTINGS = """
listen_addresses = '127.0.0.1'
fsync = on
synchronous_commit = on
max_wal_size = 8GB
checkpoint_timeout = 1h
shared_buffers = 256MB
autovacuum = off
shared_preload_libraries = 'pg_stat_statements'
"""


def as_postgres(*command):
    """PostgreSQL and PgBouncer refuse to run as root."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def program(name):
    for folder in sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    raise Spoiled(f"finding {name}: no PostgreSQL is installed")


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own(folder):
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)


def wait_until(condition, what, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Spoiled(f"waiting for {what}: not within {seconds} s")
        time.sleep(0.02)


class Postgres:
    def __init__(self, lab):
        self.lab, self.folder = lab, lab.folder()
        own(self.folder)
        self.data = str(self.folder / "data")
        subprocess.run(as_postgres(program("initdb"), "-D", self.data, "-U", "postgres", "-A", "trust",
                                   "--no-sync", "-E", "UTF8", "--locale=C"),
                       check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.port = unused_port()
        with open(self.data + "/postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write(SETTINGS + f"port = {self.port}\nunix_socket_directories = '{self.folder}'\n")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(as_postgres(program("postgres"), "-D", self.data),
                                            stdout=log, stderr=log, cwd="/")
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        wait_until(self.ready, "PostgreSQL")

    def ready(self):
        return subprocess.run([program("pg_isready"), "-q", "-d", self.url], check=False).returncode == 0

    def query(self, sql):
        done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Spoiled(f"asking Postgres: {done.stderr.strip()}")
        return done.stdout.strip()

    def empty(self):
        """As new: what one run left behind is no burden to the next."""
        self.query("DROP SCHEMA IF EXISTS holdfast CASCADE")
        self.query("CHECKPOINT")

    def close(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        shutil.rmtree(self.folder, ignore_errors=True)


class PgBouncer:
    """In transaction mode, as close to Neon's pooler as a local machine gets."""

    def __init__(self, lab, postgres):
        self.folder = lab.folder()
        own(self.folder)
        port = unused_port()
        settings = self.folder / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={postgres.port} user=postgres\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
            "pool_mode = transaction\nmax_prepared_statements = 0\n"
            "ignore_startup_parameters = extra_float_digits\n")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(as_postgres("pgbouncer", str(settings)), stdout=log, stderr=log,
                                            cwd="/")
        self.url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        wait_until(lambda: subprocess.run(["psql", "-XAtq", "-d", self.url, "-c", "SELECT 1"],
                                          capture_output=True, check=False).returncode == 0, "PgBouncer")

    def close(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)
