"""Run all tests: `python -m tests [pytest options]`. Installs Chromium by apt-get first where it is missing.

Formatting, lint and types are tests too (`tests/test_house_rules.py`), so one green line says all is well.
"""

from __future__ import annotations

import sys

import pytest

from tests.browser import ADVICE, install_chromium


def main(arguments: list[str]) -> int:
    """Pytest's exit status, 0 when all is well."""
    if not install_chromium():
        print(ADVICE, file=sys.stderr)
    return pytest.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
