"""A real Postgres on loopback, as Debian packages it, that can be stopped, cut off and started again in mid-test.

The fixtures: ``postgres`` is the URL of an empty database of the test's own, on a server that the others use too;
``own_postgres`` is a server of the test's own. A test that takes one is skipped where no Postgres is installed.
"""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psutil
import psycopg
import pytest
from psycopg import sql

USERNAME, PASSWORD = "gate", "hunter2 is @home"  # one that has to be quoted in a URL
_ADMINISTRATOR = "administrator"
_PORTS = range(20000, 32000)  # Linux gives out none of them by itself, so a server that starts again finds its own free
_START_TIMEOUT_S = 30.0

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}
_SWIFT = {"fsync": "off", "full_page_writes": "off"}  # the loss of a machine would be felt, of every process would not


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: of those on PATH, or of the newest that Debian has installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(installed, key=lambda path: float(path.parts[-3]), default=None)
    return newest.parent if newest else None


class PostgresServer:
    """A server and what it keeps. ``swift`` is for whoever does not ask what outlives the loss of the machine.

    Whoever connects by a URL of it owns every database there and is no superuser.
    """

    def __init__(self, folder: Path, *, swift: bool = False) -> None:
        """``folder`` holds ``data``, which is the server's own."""
        self.log = folder / "log"
        self.port = random.choice(_PORTS)  # noqa: S311  # nothing is to be kept from anybody
        self._data = folder / "data"
        self._settings = _SETTINGS | (_SWIFT if swift else {})
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, *, port: int | None = None) -> str:
        """``port`` is that of something in between."""
        return f"postgresql://{USERNAME}:{quote(PASSWORD)}@127.0.0.1:{port or self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty one, and say its URL."""
        self.administer("CREATE DATABASE {} OWNER {}", name, USERNAME)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop it, whoever is connected to it."""
        self.administer("DROP DATABASE {} WITH (FORCE)", name)

    def administer(self, statement: str, *names: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run it as a superuser, outside of a transaction, and say what it returns; each ``{}`` is a name."""
        with psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=_ADMINISTRATOR,
            password=PASSWORD,
            dbname=database,
            autocommit=True,
        ) as connection:
            done = connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))
            return done.fetchall() if done.description else []

    def start(self) -> None:
        """Start it, and wait until it answers. Raises AssertionError, with what it said, where it does not."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        never_ran = not self.log.exists()
        while not self._started(deadline):
            said = self.log.read_text()
            taken = "could not bind" in said.rpartition("starting PostgreSQL")[2]
            assert taken and time.monotonic() < deadline, said
            if never_ran:  # nobody knows its port yet
                self.port = random.choice(_PORTS)  # noqa: S311  # as above
            else:
                time.sleep(0.1)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it: ``fast`` ends every connection and is orderly, ``immediate`` leaves what it takes to recover."""
        assert self._process
        self._process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        try:
            self._process.wait(timeout=_START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        self._process = None

    def kill(self) -> None:
        """End each of its processes as if the power were cut."""
        assert self._process
        server = psutil.Process(self._process.pid)
        server.suspend()  # so that it begets no more of them
        of_it = [server, *server.children(recursive=True)]
        for each in of_it:
            each.kill()
        self._process.wait()
        self._process = None
        while any(map(_runs, of_it)):  # who holds its memory keeps it from starting again
            time.sleep(0.01)

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        self.stop(mode)
        self.start()

    def close(self) -> None:
        """Stop it where it runs."""
        if self._process and self._process.poll() is None:
            self.stop("immediate")

    def _started(self, deadline: float) -> bool:
        """Whether it came up; False where it ended instead."""
        settings = {**self._settings, "port": str(self.port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        with self.log.open("ab") as log:
            self._process = _popen("postgres", "-D", self._data, *options, output=log)
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                return False
            if self._is_ready(self._process.pid):
                return True
            time.sleep(0.01)
        self.kill()
        return False

    def _is_ready(self, pid: int) -> bool:
        """Source: what ``pg_ctl --wait`` looks at. A connection might be answered by another server."""
        try:
            told = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return told[:1] == [str(pid)] and [line.strip() for line in told[7:8]] == ["ready"]


@contextmanager
def initialised() -> Iterator[Path]:
    """What a server starts from: no database of anybody's, and the two who may log in."""
    with _folder() as folder:
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)  # whatever the umask: another user reads it
        made = _popen(
            "initdb",
            *("-D", folder / "data", "--username", _ADMINISTRATOR, "--pwfile", folder / "password"),
            *("--auth", "scram-sha-256", "--locale", "C", "--encoding", "UTF8", "--wal-segsize", "1", "--no-sync"),
            output=subprocess.PIPE,
        )
        said, _ = made.communicate(timeout=_START_TIMEOUT_S)
        assert made.returncode == 0, said.decode()
        server = PostgresServer(folder, swift=True)
        try:
            server.start()
            server.administer(f"CREATE ROLE {{}} LOGIN CREATEDB PASSWORD '{PASSWORD}'", USERNAME)
            server.stop()
        finally:
            server.close()
        yield folder / "data"


@contextmanager
def running(cluster: Path, *, swift: bool = False) -> Iterator[PostgresServer]:
    """A server that starts from a copy of ``cluster``."""
    with _folder() as folder:
        subprocess.run(["cp", "-a", cluster, folder / "data"], check=True)
        server = PostgresServer(folder, swift=swift)
        try:
            server.start()
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Path]:
    if programs() is None:
        pytest.skip("no Postgres at hand: apt-get install postgresql")
    with initialised() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def postgres_server(postgres_cluster: Path) -> Iterator[PostgresServer]:
    """A server that tests share: none of them stops it, and each leaves nothing there."""
    with running(postgres_cluster, swift=True) as server:
        yield server


_named = count(1)


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"test_{next(_named)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture
def own_postgres(postgres_cluster: Path) -> Iterator[PostgresServer]:
    """A server that the test may stop, kill and start again; what it has confirmed is on the disk."""
    with running(postgres_cluster) as server:
        yield server


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _other_user() -> pwd.struct_passwd | None:
    """As whom Postgres runs where this is root, who it refuses to run as."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder of whoever Postgres runs as, gone afterwards.

    It goes too where this process is killed; the server there misses it within a minute, and ends by itself.
    """
    folder = tempfile.mkdtemp(prefix="postgres-")
    guard = subprocess.Popen(
        ["sh", "-c", 'cat; rm -rf "$1" || { sleep 70; rm -rf "$1"; }', "guard", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        if user := _other_user():
            os.chown(folder, user.pw_uid, user.pw_gid)
        yield Path(folder)
    finally:
        guard.communicate()


def _popen(program: str, *arguments: str | Path, output: Any) -> subprocess.Popen[bytes]:
    found, user = programs(), _other_user()
    assert found
    whose: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    return subprocess.Popen(
        [found / program, *arguments],
        cwd="/",
        env={"LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C is for the tests, which end it
        **whose,
    )
