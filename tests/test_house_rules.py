"""What the design asks of every file: who may import whom, how long things may get, what may lie in the repository.

Lint, formatting and types run here too, so the one test command covers them.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("models", "annotation", "escdemo", "tests")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py")) + sorted(ROOT.glob("*.py"))

FORBIDDEN = {
    "models": {"gradio", "sqlalchemy", "alembic", "plotly", "annotation", "escdemo", "app"},
    "annotation": {"torch", "transformers", "gradio", "plotly", "models", "escdemo", "app"},
    "escdemo": {"torch", "transformers", "alembic", "app"},
}
"""package -> what it must not import; nothing but app.py and tests reaches escdemo"""
SHARED = "models.reading"
"""reads the files of both `models` and `annotation`; imports nothing but itself and Python"""

MIB = 2**20


def parse(path: Path) -> ast.Module:
    """The syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(top-level package, line) of every import, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def imported_modules(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(dotted module, line) of every import; of `from a import b` both a and a.b, since b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Every source file of the repository, parsed."""
    return {path: parse(path) for path in SOURCES}


def test_layers_import_only_what_lies_below(trees: dict[Path, ast.Module]) -> None:
    """`SHARED` counts as a library."""
    wrong = [
        f"{_name(path)}:{line} imports {module}"
        for path, tree in trees.items()
        for module, line in imported_modules(tree)
        if module.split(".")[0] in FORBIDDEN.get(path.relative_to(ROOT).parts[0], set())
        and not f"{module}.".startswith(f"{SHARED}.")
    ]
    assert wrong == []


def test_what_both_packages_read_with_stands_alone(trees: dict[Path, ast.Module]) -> None:
    folder = ROOT.joinpath(*SHARED.split("."))
    readers = {path: tree for path, tree in trees.items() if folder in path.parents}
    assert readers
    wrong = [
        f"{_name(path)}:{line} imports {module}"
        for path, tree in readers.items()
        for module, line in imported_modules(tree)
        if module.split(".")[0] not in sys.stdlib_module_names and not module.startswith(SHARED)
    ]
    assert wrong == []


def test_no_relative_imports(trees: dict[Path, ast.Module]) -> None:
    """They would pass the layer test unseen."""
    wrong = [
        f"{_name(path)}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert wrong == []


def test_nothing_is_imported_out_of_commands(trees: dict[Path, ast.Module]) -> None:
    """A command is an end: what two of them need, or anything else needs, lies in the room it belongs to."""
    wrong = [
        f"{_name(path)}:{line} imports {module}"
        for path, tree in trees.items()
        if path.relative_to(ROOT).parts[0] != "tests"
        for module, line in imported_modules(tree)
        if module.split(".")[1:2] == ["commands"]
    ]
    assert wrong == []


def test_every_command_is_a_module_of_its_own() -> None:
    for package in ("models", "annotation"):
        modules = {module for module, _ in importlib.import_module(f"{package}.__main__").COMMANDS.values()}
        there = {f"{package}.commands.{path.stem}" for path in (ROOT / package / "commands").glob("[!_]*.py")}
        assert modules == there


def test_files_and_functions_are_short(trees: dict[Path, ast.Module]) -> None:
    """400 lines a file (a net 500, since it holds one whole paper), 60 a function, 6 positional parameters."""
    wrong = []
    for path, tree in trees.items():
        cap = 500 if path.parent.name == "nets" else 400
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > cap:
            wrong.append(f"{_name(path)}: {lines} lines, at most {cap}")
        for function in _functions(tree):
            length = (function.end_lineno or 0) - function.lineno + 1
            if length > 60:
                wrong.append(f"{_name(path)}:{function.lineno} {function.name}: {length} lines, at most 60")
            names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            if len([name for name in names if name not in ("self", "cls")]) > 6:
                wrong.append(f"{_name(path)}:{function.lineno} {function.name}: more than 6 positional parameters")
    assert wrong == []


def test_one_concept_per_file() -> None:
    """A file called utils collects what belongs nowhere."""
    assert [_name(path) for path in SOURCES if re.search(r"util|helper|common|misc_tools", path.stem)] == []


def test_no_global_statements(trees: dict[Path, ast.Module]) -> None:
    wrong = [
        _name(path) for path, tree in trees.items() if any(isinstance(node, ast.Global) for node in ast.walk(tree))
    ]
    assert wrong == []


RUN_AS_FILE = "__name__ == '__main__'"


def test_only_commands_print(trees: dict[Path, ast.Module]) -> None:
    """A command has `add_arguments` and `run`, or is run as a file. Everything else logs, and never a seeker's text."""
    wrong = []
    for path, tree in trees.items():
        names = {function.name for function in _functions(tree)}
        run_as_file = any(isinstance(one, ast.If) and ast.unparse(one.test) == RUN_AS_FILE for one in tree.body)
        if run_as_file or {"add_arguments", "run"} <= names:
            continue
        wrong += [
            f"{_name(path)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
    assert wrong == []


def test_no_data_set_lies_in_the_repository() -> None:
    """Only weights and our own talks are big, and no path of a data set or of a developer's machine is written down."""
    private = re.compile("|".join(["shared" + "/data", "/work" + "/", "/root" + "/", "/home" + "/"]))
    big, named = [], []
    for path in repository_files():
        if "weights" in path.parts:
            continue
        own = path.name in ("own_talks.jsonl", "plain_talks.jsonl", "close_talks.jsonl")
        if not own and path.suffix not in (".png", ".svg", ".lock") and path.stat().st_size > 200_000:
            big.append(_name(path))
        if path.suffix not in (".png",) and private.search(path.read_text(encoding="utf-8")):
            named.append(_name(path))
    assert big == []
    assert named == []


def test_nothing_is_left_of_the_compact_base() -> None:
    """Only the log remembers it: the small encoder-decoder that all nets stood on before they had a causal base."""
    folder = ROOT / "models"
    log = {folder / "EXPERIMENTS.md", *(folder / "experiments").iterdir()}
    pages = [p for p in repository_files() if p.is_relative_to(folder) and p.suffix != ".safetensors" and p not in log]
    assert pages
    said = [_name(path) for path in pages if "compact" in f"{_name(path)} {path.read_text(encoding='utf-8')}".lower()]
    assert said == []


def test_weights_keep_to_their_budget() -> None:
    """36 MiB all together, 15 MiB a file: a clone stays quick and every host takes the files."""
    sizes = {_name(path): path.stat().st_size for path in (ROOT / "models").rglob("*") if path.suffix == ".safetensors"}
    assert {name: size for name, size in sizes.items() if size > 15 * MIB} == {}
    assert sum(sizes.values()) <= 36 * MIB


def repository_files() -> Iterator[Path]:
    """Every file that belongs to the repository: neither a cache nor what a run leaves behind."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if not path.is_file() or "__pycache__" in parts or parts[0] == "runs" or ".db" in path.name:
            continue
        if not parts[0].startswith(".") or parts[0] in (".ci", ".gitignore", ".gitattributes"):
            yield path


@pytest.mark.parametrize("package", ["models", "annotation"])
def test_every_flag_has_help(package: str) -> None:
    """Each command of `python -m PACKAGE` explains itself and all of its flags."""
    main = importlib.import_module(f"{package}.__main__")
    assert main.COMMANDS
    wrong = []
    for command, (module, help_line) in main.COMMANDS.items():
        parser = argparse.ArgumentParser()
        importlib.import_module(module).add_arguments(parser)
        wrong += [] if help_line.strip() else [command]
        wrong += [f"{command} {action.option_strings or action.dest}" for action in _actions(parser) if not action.help]
    assert wrong == []


def test_every_flag_of_the_app_has_help(monkeypatch: pytest.MonkeyPatch) -> None:
    parsers = []
    parse_args = argparse.ArgumentParser.parse_args
    monkeypatch.setattr(
        argparse.ArgumentParser, "parse_args", lambda self, argv: parsers.append(self) or parse_args(self, argv)
    )
    importlib.import_module("app").parse([])
    assert [action.option_strings for parser in parsers for action in _actions(parser) if not action.help] == []
    assert {"--host", "--port", "--database", "--nets", "--study"} <= parsers[0]._option_string_actions.keys()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """All flags and arguments of a parser and of its sub-commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from _actions(child)
        else:
            yield action


@pytest.mark.parametrize(
    "command", ["ruff format --check .", "ruff check .", "mypy"], ids=["formatting", "lint", "types"]
)
def test_tools_find_nothing(command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *command.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}\nTry: python -m {command.replace(' --check', '')}"
