"""A training's files: written to a new file and renamed, read with helpful errors, refused when the disk is full.

FOLDER/fit.pt     the resumable state        FOLDER/run.json    the full configuration, data hash, versions
FOLDER/best.pt    the best weights so far    FOLDER/log.jsonl, FOLDER/tensorboard/    see `models.training.run_log`
FOLDER/choices.pt    see `models.training.choice`
"""

from __future__ import annotations

import hashlib
import json
import pickle
import platform
import shutil
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.files.whole_file import whole_file
from models.training.divergence import bad_tensors, some_of

STATE, BEST, RECORD = "fit.pt", "best.pt", "run.json"
SLACK = 16 * 2**20
"""bytes reserved for logs and curves"""


def write_tensors(path: Path, values: dict[str, Any]) -> None:
    """Write tensors and plain values to `path`; after a failure or an interrupt, the old file is still there."""
    with whole_file(path) as partial, partial.open("wb") as file:  # given a path, torch does not say why it fails
        torch.save(values, file)


def read_tensors(path: Path) -> dict[str, Any]:
    """Inverse of `write_tensors`, on the CPU. Raises ValueError when the file is damaged or missing."""
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, TypeError, ValueError) as fault:
        reason = (str(fault).splitlines() or [type(fault).__name__])[0]
        raise ValueError(
            f"{path} cannot be read, it may be damaged ({reason}); delete it to start over, or choose another folder"
        ) from fault


def read_state(path: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """The resumable state. Raises ValueError when it is damaged, of another run than `about`, or has bad weights."""
    state = read_tensors(path)
    if "about" not in state:
        raise ValueError(f"{path} was written by an older version; choose another folder, or delete it")
    check_same(path, state["about"], about)
    if bad := bad_tensors(state["weights"]):
        raise ValueError(f"{path} is of no use ({some_of(bad)}); delete it to start over, or choose another folder")
    return state


def write_record(folder: Path, values: Mapping[str, Any]) -> None:
    """Write the run's configuration to `run.json`, with the versions of Python and libraries."""
    libraries = {name: version(name) for name in ("torch", "transformers", "accelerate", "tokenizers")}
    known = {**values, "versions": {"python": platform.python_version(), **libraries}, "machine": platform.machine()}
    with whole_file(folder / RECORD) as partial:
        partial.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def data_hash(sets: Mapping[str, Iterable[object]]) -> str:
    """Hex sha256 of named sets of plain values (frozen dataclasses, tuples, numbers, texts), in the order given."""
    digest = hashlib.sha256()
    for name in sorted(sets):
        digest.update(f"{name}\n".encode())
        for value in sets[name]:
            digest.update(f"{value!r}\n".encode())
    return digest.hexdigest()


def check_same(path: Path, saved: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raises ValueError naming every setting in which a saved run differs from the current one."""
    other = [
        f"{name} was {saved.get(name)!r}, is {now.get(name)!r}"
        for name in sorted(saved.keys() | now.keys())
        if saved.get(name) != now.get(name)
    ]
    if other:
        raise ValueError(
            f"{path} is of another run: {'; '.join(other)}. Give the settings it was started with, another --out,"
            " or delete the folder to start over"
        )


def check_room(folder: Path, module: nn.Module) -> None:
    """Raises ValueError when the disk cannot hold the files of a training of `module`.

    The state contains the weights and two AdamW moments, the best weights are kept in another file, and each file
    exists twice while it is being written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bytes_ = sum(p.numel() * p.element_size() for p in module.parameters() if p.requires_grad)
    there = sum(path.stat().st_size for path in (folder / STATE, folder / BEST) if path.is_file())
    needed, free = 2 * (3 + 1) * bytes_ + SLACK - there, shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(
            f"the disk of {folder} has {free / 2**20:.0f} MiB free, this training needs {needed / 2**20:.0f} MiB;"
            " make room or give another --out"
        )
