"""A PostgreSQL server for the tests: a temporary cluster, reached by a socket in its folder, no open port."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from annotation.store.schema import Base

ADVICE = "PostgreSQL's programs were not found; on Debian and Ubuntu: apt-get install postgresql"


def find_programs() -> Path | None:
    """The folder with initdb and pg_ctl, which Debian keeps off the path; None when PostgreSQL is not installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


@contextmanager
def running_server(programs: Path) -> Iterator[str]:
    """SQLAlchemy URL of an empty database on a server that lives as long as the block."""
    folder = Path(tempfile.mkdtemp(prefix="escdemo-pg-"))
    # The server refuses to run as root; Debian's package makes the user postgres.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = folder / "data"
    # Nothing outlives the tests, so nothing needs to reach the disk.
    options = f"-k {folder} -c listen_addresses='' -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    _call([*as_user, str(programs / "initdb"), "-D", str(data), "-U", "escdemo", "-A", "trust", "-N", "-E", "UTF8"])
    control = [*as_user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    try:
        _call([*control, "-l", str(folder / "log"), "-o", options, "start"])
        yield f"postgresql+psycopg://escdemo@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], cwd="/", capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def empty(engine: Engine) -> None:
    """Remove all rows; TRUNCATE passes by the triggers that guard them."""
    names = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))


def _call(command: list[str]) -> None:
    # pg_ctl's server keeps what it inherits: with pipes the call would never end.
    with tempfile.TemporaryFile() as output:
        run = subprocess.run(command, cwd="/", stdout=output, stderr=output, check=False)
        output.seek(0)
        assert run.returncode == 0, f"{command}\n{output.read().decode(errors='replace')}"
