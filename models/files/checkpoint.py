"""Weights on disk: int8 rows with a scale, sharded, each file's hash in the card, written whole or not at all.

    folder/card.json              describes them: data, command, minutes, metrics, sha256 of every other file
    folder/weights-0.safetensors  matrices as int8 (`name`), one float16 scale per row (`name.scale`); vectors float16
A matrix row r is stored as round(r / s) with s = max|r| / 127: the largest error is half a step, s / 2.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.files.whole_file import failures_told
from models.training.divergence import bad_tensors, some_of

WEIGHTS = Path(__file__).parent.parent / "weights"
"""Folder of the shipped weights."""
SHARD_BYTES = 14 * 2**20
CARD = "card.json"


class WeightsError(ValueError):
    """Weights are missing, damaged or of another net; the message names the file and says how to get it."""


def pack(tensors: dict[str, Tensor], exact: bool = False) -> dict[str, Tensor]:
    """Matrices as int8 rows with scales, everything else as float16; with `exact`, everything as float32."""
    if exact:
        return {name: tensor.detach().float().cpu().contiguous() for name, tensor in tensors.items()}
    packed = {}
    for name, tensor in tensors.items():
        value = tensor.detach().float().cpu().contiguous()
        if value.ndim != 2 or value.numel() < 2048:
            packed[name] = value.half()
            continue
        scale = (value.abs().amax(dim=1).clamp_min(1e-6) / 127).half()
        packed[name] = (value / scale.float()[:, None]).round().clamp(-127, 127).to(torch.int8)
        packed[f"{name}.scale"] = scale
    return packed


def unpack(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inverse of `pack`, to float32."""
    return {
        name: value.float() * packed[f"{name}.scale"].float()[:, None] if value.dtype == torch.int8 else value.float()
        for name, value in packed.items()
        if not name.endswith(".scale")
    }


def save_packed(
    folder: Path,
    tensors: dict[str, Tensor],
    card: dict[str, Any],
    extra: dict[str, str] | None = None,
    *,
    exact: bool = False,
) -> None:
    """Write weights, card and `extra` text files (name -> content) as a whole: a failure leaves the old folder.

    `exact` keeps float32 (for full backbones, which are not part of the repository). Raises WeightsError for tensors
    that could not be restored: NaN, infinite, or too large for the type they are stored in.
    """
    packed = pack(tensors, exact)
    if bad := bad_tensors(packed):
        raise WeightsError(f"{folder} was not written: as it is stored, {some_of(bad)}; train with a lower --lr")
    with failures_told(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            for index, shard in enumerate(_shards(packed)):
                save_file(shard, fresh / f"weights-{index}.safetensors")
            for name, content in (extra or {}).items():
                (fresh / name).write_text(content, encoding="utf-8")
            hashes = {path.name: sha256(path) for path in sorted(fresh.iterdir())}
            text = json.dumps(card | {"files": hashes}, indent=1, ensure_ascii=False)
            (fresh / CARD).write_text(text + "\n", encoding="utf-8")
            fresh.chmod(0o755)
            old = _old(folder)
            if is_there(folder):
                shutil.rmtree(old, ignore_errors=True)  # left by an earlier write that was stopped at the very end
                folder.replace(old)
            fresh.replace(folder)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
            is_there(folder)


def is_there(folder: Path) -> bool:
    """Whether a folder of weights exists.

    A write that was stopped between its two renames (a folder cannot be replaced in one step) has left the old weights
    under another name; these are put back first.
    """
    if not folder.exists() and _old(folder).exists():
        _old(folder).replace(folder)
    return folder.exists()


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}-old")


def _shards(packed: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, value in packed.items():
        bytes_ = value.numel() * value.element_size()
        if size + bytes_ > SHARD_BYTES and not name.endswith(".scale"):
            shards.append({})
            size = 0
        shards[-1][name] = value
        size += bytes_
    return shards


def load_packed(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors (float32) and card of a folder, with every file checked against its hash.

    Raises WeightsError that names a missing or damaged file and says how to restore it.
    """
    card = read_card(folder)
    packed: dict[str, Tensor] = {}
    for name, expected in card["files"].items():
        path = folder / name
        if not path.is_file():
            raise WeightsError(f"weight file {path} is missing; {_remedy(folder)}")
        if sha256(path) != expected:
            raise WeightsError(f"weight file {path} is damaged (its sha256 is not the card's); {_remedy(folder)}")
        if path.suffix == ".safetensors":
            try:
                packed |= load_file(path)
            except SafetensorError as fault:
                raise WeightsError(f"weight file {path} cannot be read ({fault}); {_remedy(folder)}") from fault
    return unpack(packed), card


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a weights folder. Raises WeightsError when it is missing or not a card."""
    path = folder / CARD
    is_there(folder)
    try:
        card = json.loads(path.read_text("utf-8"))
        card["files"].items()
    except FileNotFoundError:
        raise WeightsError(f"weight card {path} is missing; {_remedy(folder)}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise WeightsError(f"weight card {path} is damaged ({fault!r}); {_remedy(folder)}") from fault
    return dict(card)


def _remedy(folder: Path) -> str:
    return f"restore it with `git checkout -- {_shown(folder)}` or train it again (`python -m models --help`)"


def _shown(folder: Path) -> str:
    try:
        return str(folder.resolve().relative_to(WEIGHTS.parent.parent))
    except ValueError:
        return str(folder)


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def learned_from(card: Mapping[str, Any]) -> list[str]:
    """The ESConv splits on which weights, and those they started from, were trained; [] if the card names none."""
    run = card.get("run", {})
    return list(run.get("splits", [run["split"]] if "split" in run else []))


def fingerprint(folder: Path) -> str:
    """12 hex digits that identify the weights in a folder; traces and judgments call them `checkpoint`."""
    files = read_card(folder)["files"]
    return hashlib.sha256("".join(f"{n}:{h};" for n, h in sorted(files.items())).encode()).hexdigest()[:12]
