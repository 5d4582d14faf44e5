"""Bring a database to the current schema: `python -m annotation migrate --database sqlite:///escdemo.db`.

`open_sessions` does the same on every start; the command lets an administrator do it before the app is started.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from annotation.store.engine import add_database_argument, open_engine
from annotation.store.migrate import upgrade


def add_arguments(parser: ArgumentParser) -> None:
    """Flags of `python -m annotation migrate`."""
    add_database_argument(parser)


def run(args: Namespace) -> int:
    """Migrate and say what was done."""
    before, now = upgrade(open_engine(args.database))
    print(f"schema {now}: already up to date" if before == now else f"schema {before or 'none'} -> {now}")
    return 0
