"""Command-line flags for which data of ESConv a command reads: the file, the split, and its part."""

from __future__ import annotations

from argparse import ArgumentParser

from models.data.esconv import PARTS


def add_esconv_arguments(parser: ArgumentParser, part: str | None = None) -> None:
    """Add `--esconv`, `--split` and, if a default `part` is given, `--part`."""
    parser.add_argument("--esconv", required=True, help="ESConv file or folder, or thu-coai/esconv")
    parser.add_argument(
        "--split", default="D", choices=("D", "E"), help="D: by dialogue; E: MISC's, by example (leaky)"
    )
    if part:
        parser.add_argument("--part", default=part, choices=PARTS, help="which part of the split")
