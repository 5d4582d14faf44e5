"""Measure the safety screens: `python -m escdemo.screening measure`.

With `--messages FILE` (one message a line) it says instead how many of them raise an alarm, which has to be rare where
people talk of ordinary trouble.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from escdemo.screening.labelled import FIRST_SIGHT, labelled_messages, labelled_pairs
from escdemo.screening.measuring import message_counts, pair_counts, wrong_messages, wrong_pairs
from escdemo.screening.message_screen import danger_in


def main(argv: list[str] | None = None) -> int:
    """Run the command; 2 when the file cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m escdemo.screening", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    measure = commands.add_parser("measure", help="misses and false alarms on the labelled texts, or alarms in a file")
    measure.add_argument(
        "--messages", type=Path, metavar="FILE", help="text file, one message a line; prints its alarms"
    )
    measure.add_argument("--wrong", action="store_true", help="also list the texts of the work part that went wrong")
    flags = parser.parse_args(argv)
    try:
        if flags.messages is not None:
            return _alarms(flags.messages.read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        print(f"error: {flags.messages}: {error}; a text file in UTF-8 is needed", file=sys.stderr)
        return 2
    return _labelled(flags.wrong)


def _labelled(wrong: bool) -> int:
    messages, pairs = labelled_messages(), labelled_pairs()
    for name, kept in (("work part", False), ("kept part", True)):
        part = [message for message in messages if message.kept is kept]
        print(f"{name}, messages:  {message_counts(part)}")
        for batch in sorted({message.batch for message in part}):
            print(f"    batch {batch}:  {message_counts(message for message in part if message.batch == batch)}")
        print(f"{name}, message and reply:  {pair_counts(pair for pair in pairs if pair.kept is kept)}")
    for batch, figures in FIRST_SIGHT.items():
        print(f"batch {batch} at first sight:  {figures}")
    if wrong:
        for message in wrong_messages(message for message in messages if not message.kept):
            print(f"  {message.danger or 'harmless'}: {message.text}")
        for pair in wrong_pairs(pair for pair in pairs if not pair.kept):
            print(f"  {pair.topic}: {pair.message} -> {pair.reply}")
    return 0


def _alarms(lines: list[str]) -> int:
    alarms = [(kind, line) for line in lines if (kind := danger_in(line))]
    for kind, line in alarms:
        print(f"{kind}\t{line}")
    print(f"{len(alarms)} of {len(lines)} messages raise an alarm ({100 * len(alarms) / max(1, len(lines)):.2f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
