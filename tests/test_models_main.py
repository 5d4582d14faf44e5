"""The dispatcher of `python -m models` with made-up commands."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest

from models.__main__ import COMMANDS, main
from tests.full_disk import in_child, largest_file


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, str]]:
    """`count` counts, or raises what `--raise` names; `broken` has no module."""

    def add_arguments(parser: ArgumentParser) -> None:
        parser.add_argument("--times", type=int, default=3, help="how often, in turns")
        parser.add_argument("--raise", dest="error", default="", help="kind of the error")

    def run(args: Namespace) -> int:
        if args.error:
            kinds = {"value": ValueError, "file": FileNotFoundError, "disk": OSError, "stop": KeyboardInterrupt}
            raise kinds[args.error]("bad thing")
        print("counted", args.times)
        return 0

    module = ModuleType("made_up_count")
    module.add_arguments, module.run = add_arguments, run  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "made_up_count", module)
    return {"count": ("made_up_count", "count up"), "broken": ("made_up_missing", "cannot be loaded")}


Commands = dict[str, tuple[str, str]]


def test_a_command_gets_its_flags(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "--times", "5"], commands) == 0
    assert capsys.readouterr().out == "counted 5\n"


def test_help_of_a_command_gives_units_and_defaults(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["count", "--help"], commands)
    assert stopped.value.code == 0
    assert "how often, in turns (default: 3)" in capsys.readouterr().out


@pytest.mark.parametrize("error", ["value", "file", "disk"])
def test_wrong_input_is_one_line_and_status_2(
    error: str, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["count", "--raise", error], commands) == 2
    assert capsys.readouterr().err == "error: bad thing\n"


def score_on_a_full_disk(folder: str) -> NoReturn:
    replies, out = Path(folder) / "replies.jsonl", Path(folder) / "figures.json"
    replies.write_text('{"hypothesis": "a b", "reference": "a c"}\n')
    with largest_file(100):
        sys.exit(main(["score", str(replies), "--rounds", "0", "--out", str(out)]))


def test_a_full_disk_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = in_child(score_on_a_full_disk, str(tmp_path), status=2)
    assert done.stderr == (
        f"error: {tmp_path / 'figures.json'} could not be written (File too large); nothing of it is left."
        " Make room there, or give another place\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["replies.jsonl"]


def test_an_interrupt_ends_quietly(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "--raise", "stop"], commands) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_unknown_and_missing_commands_are_named(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cuont"], commands) == 2
    assert "unknown command 'cuont'; allowed: count, broken" in capsys.readouterr().err
    assert main(["broken"], commands) == 2
    assert "broken needs the module made_up_missing" in capsys.readouterr().err
    assert main([], commands) == 2


def test_help_lists_every_command_without_loading_any() -> None:
    code = (
        "import sys; from models.__main__ import main; main(['--help']); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(f"  {name} " in done.stdout and summary in done.stdout for name, (_, summary) in COMMANDS.items())
