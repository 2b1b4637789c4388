"""A PostgreSQL server of its own for a test: Debian's programs, in a temporary folder, on a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from support.local_ports import free_port


@dataclass(frozen=True)
class Server:
    """A running server; user and database are called ``dagster``."""

    port: int
    password: str

    def query(self, statement: str, database: str = "dagster") -> list[str]:
        """The rows of a statement, columns separated by ``|``."""
        address = f"postgresql://dagster:{self.password}@127.0.0.1:{self.port}/{database}"
        done = subprocess.run(
            ["psql", "--no-psqlrc", "-At", address, "-c", statement],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    def create_database(self, copied_from: str = "template1") -> str:
        """Creates a database, empty or as another that nobody is connected to, and returns its name."""
        name = f"test_{uuid4().hex}"
        self.query(f"CREATE DATABASE {name} TEMPLATE {copied_from}")
        return name


@contextmanager
def postgresql(password: str) -> Iterator[Server]:
    """Runs a server; PostgreSQL refuses the superuser, so root starts it as Debian's user ``postgres``."""
    folder = Path(tempfile.mkdtemp(prefix="cbr-postgresql-"))
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    prefix = []
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    given = folder / "password"
    given.write_text(password)
    given.chmod(0o644)
    port = free_port()

    def run(*words: str) -> None:
        done = subprocess.run([*prefix, *words], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    data = str(folder / "data")
    options = ["--username=dagster", f"--pwfile={given}", "--auth=scram-sha-256", "--no-sync"]
    try:
        run(str(programs / "initdb"), f"--pgdata={data}", *options)
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        log = str(folder / "log")
        run(str(programs / "pg_ctl"), "start", "--wait", f"--pgdata={data}", f"--log={log}", "-o", settings)
        try:
            server = Server(port, password)
            create = f"postgresql://dagster:{password}@127.0.0.1:{port}/postgres"
            run("psql", "--no-psqlrc", create, "-c", "CREATE DATABASE dagster")
            yield server
        finally:
            run(str(programs / "pg_ctl"), "stop", "--wait", "--mode=immediate", f"--pgdata={data}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
