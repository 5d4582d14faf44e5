"""Run all tests: `python -m tests [pytest options]`. Installs Chromium by apt-get first where it is missing.

One process per core (`-n 0` runs everything in this one); the tests of one file stay together.

Formatting, lint and types are tests too (`tests/test_house_rules.py`), so one green line says all is well.
"""

from __future__ import annotations

import os
import sys

import pytest

from tests.browser import ADVICE, install_chromium

MOST = 4
"""processes; more would only compete for the browser"""


def main(arguments: list[str]) -> int:
    """Pytest's exit status, 0 when all is well."""
    if not install_chromium():
        print(ADVICE, file=sys.stderr)
    return pytest.main(["-n", str(min(os.cpu_count() or 1, MOST)), "--dist", "loadfile", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
