"""Try whether the app holds: `python -m escdemo.soak --seekers 64 --minutes 10 -- --nets joint,misc`.

Simulated seekers talk to an app at once, reload, cancel, hang up and send twice, and look for what got lost or doubled.
The app is started for it, with the flags of app.py after `--`, on a database that is gone afterwards; or it runs at
--url already: then what the seekers leave is deleted in the end as visitors delete their data. Ends by itself: with
status 0 when all held, 1 when a turn was lost or doubled, 2 when there was no app to try.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys

from escdemo.soak.crowd import soak
from escdemo.soak.open_page import BadAnswer
from escdemo.soak.report import report
from escdemo.soak.running_app import NoApp, running_app
from escdemo.soak.seeker import Plan


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    """The command line; ends the program with a line on stderr when it cannot work."""
    parser = argparse.ArgumentParser(
        prog="python -m escdemo.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seekers", type=int, default=64, help="simulated seekers at once (default: 64)")
    parser.add_argument("--minutes", type=float, default=10.0, help="after so long no message is begun (default: 10)")
    parser.add_argument(
        "--messages", type=int, help="messages of each seeker at most (default: as many as time allows)"
    )
    parser.add_argument(
        "--patience", type=float, default=300.0, help="seconds after which a reply is late (default: 300)"
    )
    parser.add_argument("--url", help="address of an app that runs already; its memory is not measured")
    parser.add_argument("app", nargs="*", metavar="-- FLAGS", help="flags of app.py for the app that is started")
    flags = parser.parse_args(argv)
    for name in ("seekers", "minutes", "messages", "patience"):
        value = getattr(flags, name)
        if value is not None and not 0 < value < math.inf:
            parser.error(f"--{name} is {value}; allowed: greater than 0")
    if flags.url is not None and flags.app:
        parser.error("--url names an app that runs: flags of app.py have no use; leave one of them out")
    return flags


def main(argv: list[str] | None = None) -> int:
    """Run the command; see the module for its status."""
    flags = parse(argv)
    plan = Plan(60 * flags.minutes, flags.messages, flags.patience)
    try:
        if flags.url is not None:
            found = asyncio.run(soak(flags.url, flags.seekers, plan))
        else:
            print("starting the app ...", flush=True)
            with running_app(flags.app) as (address, process):
                print(f"{flags.seekers} seekers talk at {address} for {flags.minutes:g} minutes ...", flush=True)
                found = asyncio.run(soak(address, flags.seekers, plan, process))
    except (NoApp, BadAnswer) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(report(found))
    return 0 if found.tally.holds else 1


if __name__ == "__main__":
    sys.exit(main())
