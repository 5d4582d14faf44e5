"""The command line of this package: `python -m annotation COMMAND ...`, one module per command.

A command module has `add_arguments(parser)` and `run(args) -> int` (the exit status); it is imported only when its
command is used.
"""

from __future__ import annotations

import importlib
import os
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

COMMANDS: dict[str, tuple[str, str]] = {
    "migrate": ("annotation.commands.migrate", "create the database or bring it to the current schema"),
    "export": (
        "annotation.commands.export",
        "write judgments or talks as CSV or JSON Lines, introduced names, addresses and numbers masked",
    ),
    "study": (
        "annotation.commands.study",
        "plan studies, import items, invite people, watch progress",
    ),
    "results": ("annotation.commands.results", "print win / lose / tie per pair of systems and criterion"),
    "backup": ("annotation.commands.backup", "copy the database into one file while the app runs"),
    "benchmark": ("annotation.commands.benchmark", "let many raters work at once and time their saves"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 2 for wrong usage or input, else what the command returns."""
    os.umask(0o077)  # exports and backups hold what people wrote: only the user who runs the command may read them
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview(), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    name = arguments[0]
    if name not in COMMANDS:
        return complain(f"unknown command {name!r}; allowed: {', '.join(COMMANDS)}")
    module_name, summary = COMMANDS[name]
    module = importlib.import_module(module_name)
    parser = ArgumentParser(
        prog=f"python -m annotation {name}", description=summary, formatter_class=ArgumentDefaultsHelpFormatter
    )
    module.add_arguments(parser)
    try:
        return int(module.run(parser.parse_args(arguments[1:])))
    except ValueError as error:
        return complain(str(error))
    except OSError as error:
        if error.filename is None:
            return complain(str(error))
        return complain(f"{error.filename}: {error.strerror}; check the name, and that you may read and write there")
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or type(error).__name__
        return complain(f"the database failed ({reason}), so nothing was changed; try again in a moment")


def overview() -> str:
    """The text of `--help`: all commands with their summaries."""
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        ["usage: python -m annotation COMMAND [--help] ...", "", "commands:", *lines, "", "COMMAND --help: its flags."]
    )


def complain(message: str) -> int:
    """Print an error for the user and return the exit status for it."""
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
