"""Bring a database to the current schema: `python -m annotation migrate --database sqlite:///escdemo.db`.

`open_sessions` does the same at every start; with this command an administrator can do it before the app starts.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from annotation.store.engine import add_database_argument, open_engine
from annotation.store.migrate import upgrade


def add_arguments(parser: ArgumentParser) -> None:
    """Add the flags of `python -m annotation migrate`."""
    add_database_argument(parser)


def run(args: Namespace) -> int:
    """Migrate and print what was done."""
    before, now = upgrade(open_engine(args.database))
    print(f"schema {now}: already up to date" if before == now else f"schema {before or 'none'} -> {now}")
    return 0
