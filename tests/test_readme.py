"""README and the pages it links to are true: the tree is the real one, commands parse, links lead somewhere."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path

import pytest

from escdemo.role_cards import load_role_cards
from models.backbones.gguf_file import WHEEL
from models.data.prompts import read_prompts
from models.nets.registry import NETS
from tests.test_house_rules import ROOT, SOURCES, _name, repository_files

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path: path.read_text(encoding="utf-8") for path in repository_files() if path.suffix == ".md"}
"""every page of documentation, README among them, and its text"""


def _commands(text: str) -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


COMMANDS = _commands(README)


def _tree() -> dict[str, str]:
    """{file or folder: comment} from the indented block of the README; folders end with "/"."""
    block = README.split("## The tree")[1].split("```text\n")[1].split("```")[0]
    return dict(line.split(maxsplit=1) for line in block.splitlines())


def test_the_tree_is_the_real_tree() -> None:
    names = [path.relative_to(ROOT).as_posix() for path in repository_files()]
    assert set(_tree()) == {name.split("/")[0] + "/" * ("/" in name) for name in names}


@pytest.mark.parametrize("package", sorted({path.parent for path in SOURCES if path.name == "__init__.py"}), ids=_name)
def test_a_package_lists_its_files_and_folders(package: Path) -> None:
    """The docstring of `__init__.py` names everything beside it, and nothing that is gone."""
    parts = {p.name + "/" if p.is_dir() else p.name for p in package.iterdir()}
    parts = {name for name in parts if re.fullmatch(r"[a-z]\w*(\.py|/)", name)}
    if package.name in ("tests", "migrations"):  # named test_CONCEPT.py; Alembic's own folder
        return
    listed = re.findall(
        r"^    (\w+(?:\.py|/))\s+\S", (package / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(parts)


@pytest.mark.parametrize("command", [command for text in PAGES.values() for command in _commands(text)])
def test_commands_parse(command: str) -> None:
    """Every flag and value is one that the command takes; `--help` can be shown."""
    words = shlex.split(command.split("&&")[-1], comments=True)
    assert Path(words[0]).name == "python"
    program, *rest = words[1:] if words[1] != "-m" else words[2:]
    if program == "tests":
        assert (ROOT / "tests" / "__main__.py").exists()
        return
    if program in ("app.py", "escdemo.soak"):
        importlib.import_module({"app.py": "app"}.get(program, f"{program}.__main__")).parse(rest)
        return
    parser = argparse.ArgumentParser()
    module, _ = importlib.import_module(f"{program}.__main__").COMMANDS[rest.pop(0)]
    importlib.import_module(module).add_arguments(parser)
    if rest == ["--help"]:
        assert parser.format_help()
    else:
        parser.parse_args(rest)


def test_set_up_is_one_line_each() -> None:
    """Both commands do everything from a bare clone; .ci/run uses the second one's last step."""
    steps = [command for command in COMMANDS if command.startswith("python3 -m venv .venv && ")]
    assert [step.split("&& ")[-1] for step in steps] == [".venv/bin/python app.py", ".venv/bin/python -m tests"]
    assert all(".venv/bin/pip install -r requirements.txt" in step for step in steps)
    assert all(f".venv/bin/pip install --no-deps {WHEEL}" in step for step in steps)
    assert f"--no-deps {WHEEL}" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert ".venv/bin/python -m tests" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Links are relative to their page; a path in backticks may also start at the root of the repository."""
    assert [link for link in _links(page) if not link.exists()] == []
    named = re.findall(r"`((?:models|escdemo|annotation|tests|\.ci)/[\w./-]+)`", PAGES[page])
    if page.name != "CHANGELOG.md":  # names files of earlier releases
        assert [name for name in named if "yours" not in name and not (ROOT / name).exists()] == []


def test_readme_leads_to_every_page() -> None:
    """A page that nothing links to is one that nobody finds."""
    found, left = set[Path](), [ROOT / "README.md"]
    while left:
        page = left.pop()
        found.add(page)
        left += [link for link in _links(page) if link in PAGES and link not in found]
    assert found == set(PAGES)


def _links(page: Path) -> list[Path]:
    targets = re.findall(r"\]\(([^)]+)\)", PAGES[page])
    return [(page.parent / target.split("#")[0]).resolve() for target in targets if not target.startswith("http")]


def test_sections_come_in_the_agreed_order() -> None:
    assert re.findall(r"^## (.+)$", README, re.MULTILINE) == [
        "Safety and limits",
        "Run it, test it",
        "What you can do",
        "The nets and their base",
        "The tree",
        "Add a model in 4 steps",
        "More",
    ]
    assert len(README.splitlines()) <= 200


def test_results_come_before_the_log() -> None:
    """Every registered net but the combinations with STAR has a row with as many values as the table has columns."""
    results = PAGES[ROOT / "models" / "EXPERIMENTS.md"].split("\n# Log\n")[0]
    table = results.split("## Current results")[1].split("\n\n")[2].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert {row[0].split(",")[0] for row in rows[2:]} == {name for name in NETS if not name.startswith("star-")}


def test_raw_replies_stand_beside_the_log() -> None:
    """The log has no numbered listing; a listing has each fixed prompt for each net."""
    numbered = re.compile(r"^\d+\. .+  $", re.MULTILINE)
    assert numbered.findall(PAGES[ROOT / "models" / "EXPERIMENTS.md"]) == []
    listings = [text for page, text in PAGES.items() if page.parent.name == "experiments"]
    assert listings
    for text in listings:
        assert len(numbered.findall(text)) == len(read_prompts()) * len(re.findall(r"^\*\*\w+\*\*", text, re.MULTILINE))


def test_the_number_of_role_cards_is_true() -> None:
    assert f"The {len(load_role_cards())} role cards" in README
