"""Copy the SQLite database while the app runs: `python -m annotation backup --output escdemo-2026-01-31.db`."""

from __future__ import annotations

import os
import sqlite3
from argparse import ArgumentParser, Namespace
from pathlib import Path

from sqlalchemy import make_url

from annotation.store.engine import DatabaseUnavailable, add_database_argument, open_engine


def back_up(url: str, target: Path) -> int:
    """Write the database at `url` into the new file `target` and check the copy; returns its size in bytes.

    Raises ValueError when the database does not exist or is no SQLite file, FileExistsError when `target` exists.
    """
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        raise DatabaseUnavailable(f"{address.get_backend_name()} has its own backup program (pg_dump); use that")
    if target.exists():
        raise FileExistsError(f"{target} exists; name a new file or remove it first")
    engine = open_engine(url, create=False)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # VACUUM INTO takes an empty file
    connection = engine.raw_connection()  # VACUUM runs only outside transactions
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(target),))
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        connection.close()
        engine.dispose()
    _check(target)
    return target.stat().st_size


def _check(path: Path) -> None:
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        connection.close()
    if found != "ok":
        raise OSError(f"the copy {path} is damaged ({found}); is the disk full?")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m annotation backup`."""
    add_database_argument(parser)
    parser.add_argument("--output", metavar="FILE", required=True, help="new file for the copy (SQLite)")


def run(args: Namespace) -> int:
    """Make the copy and print its size."""
    size = back_up(args.database, Path(args.output))
    print(f"{args.output}: {size / 2**20:.1f} MiB")
    return 0
