"""When the disk does not take a file, the old one stays, nothing lies beside it, and the error says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.files.checkpoint import save_packed
from models.files.resume_journal import Journal
from models.files.whole_file import whole_file, write_whole
from models.training.run_state import write_record, write_tensors
from tests.full_disk import in_child, largest_file

LIMIT = 2000
"""bytes a file may grow to; all that is written below is larger"""

WRITERS: dict[str, Callable[[Path, int], None]] = {
    "file": lambda path, value: write_whole(path, str(value) * 5000),
    "fit.pt": lambda path, value: write_tensors(path, {"a": torch.full((5000,), value)}),
    "run.json": lambda path, value: write_record(path.parent, {"a": str(value) * 5000}),
    "weights": lambda path, value: save_packed(path, {"a": torch.full((5000,), value)}, {}),
}


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def attempt(write: Callable[..., None], *arguments: object) -> str:
    """What the error of a write beyond the limit says."""
    with largest_file(LIMIT), pytest.raises(OSError) as caught:  # noqa: PT011  # the words are checked by the tests
        write(*arguments)
    return str(caught.value)


def write_all(folder: str) -> str:
    """Every writer where nothing is, and where its file is already; tells the errors and what is left."""
    found = {}
    for name, write in WRITERS.items():
        path = Path(folder) / name / name
        first = attempt(write, path, 1)
        empty = contents(path.parent)
        write(path, 1)
        before = contents(path.parent)
        second = attempt(write, path, 2)
        found[name] = {"first": first, "empty": not empty, "second": second, "same": contents(path.parent) == before}
    return json.dumps(found)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str | bool]]:
    """What `write_all` tells of every writer."""
    return json.loads(in_child(write_all, str(tmp_path_factory.mktemp("disk"))).stdout)


@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_fails_leaves_what_was_there(name: str, found: dict[str, dict[str, str | bool]]) -> None:
    told = found[name]
    assert f"{name} could not be written (" in str(told["first"])
    assert "File too large" in str(told["first"])
    assert "); nothing of it is left. Make room" in str(told["first"])
    assert told["empty"]
    assert "); its old content is still good. Make room" in str(told["second"])
    assert told["same"]


def add_too_much(folder: str) -> str:
    """A batch of replies and an item that do not fit, in letters of two bytes."""
    journal = kept(Path(folder))
    journal.add([{"id": "1"}])
    return attempt(journal.add, [{"id": "2", "text": "é" * LIMIT}])


def kept(folder: Path) -> Journal[str]:
    return Journal(folder / "items.jsonl", folder / "run.json", {}, lambda row: str(row["id"]))


def test_what_was_added_before_the_disk_was_full_is_read_again(tmp_path: Path) -> None:
    failure, part = in_child(add_too_much, str(tmp_path)).stdout, tmp_path / "items.part.jsonl"
    assert "items.part.jsonl could not be written (File too large); its old content is still good" in failure
    part.write_bytes(part.read_bytes().rpartition(b"\n")[0] + '\n{"a": "é'.encode()[:-1])  # within a letter
    assert list(kept(tmp_path).made) == ["1"]


def test_an_interrupt_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def stop() -> None:
        with whole_file(path) as partial:
            partial.write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert contents(tmp_path) == {"file": b"old"}
