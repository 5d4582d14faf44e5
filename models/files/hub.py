"""`transformers` checkpoints from the Hub or a local folder, with errors that say what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from torch import nn

Loaded = TypeVar("Loaded", bound=nn.Module)


def from_hub(loader: Any, name: str | Path, what: str) -> Any:
    """`loader.from_pretrained(name)`; `name` is a Hub name or a folder.

    If it cannot be loaded, raises FileNotFoundError that names `what` and the ways to get it.
    """
    return _from_hub(loader, name, what)


def net_from_hub(loader: Any, name: str | Path, what: str) -> Any:
    """`loader.from_pretrained(name)` in eval mode; `name` is a Hub name or a folder.

    Raises FileNotFoundError like `from_hub`, and ValueError when the checkpoint is of another kind of net, so that some
    weights would be random.
    """
    net, report = _from_hub(loader, name, what, output_loading_info=True)
    kinds = net.config.architectures or [type(net).__name__]
    if report["missing_keys"] or type(net).__name__ not in kinds:
        lacking = f", without {min(report['missing_keys'])}" if report["missing_keys"] else ""
        raise ValueError(f"{what} {str(name)!r} is a {kinds[0]}{lacking}; give a {type(net).__name__} that was trained")
    return off_the_file(net.eval())


def off_the_file(net: Loaded) -> Loaded:
    """The net with its weights copied to its own memory.

    `transformers` maps the file instead: if the file were truncated later, the program would crash; if it were
    overwritten, the net's output would change.
    """
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.data = tensor.data.clone()
    return net


def _from_hub(loader: Any, name: str | Path, what: str, **options: Any) -> Any:
    try:
        return _loaded(loader, str(name), options)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as fault:
        kind = "folder" if Path(name).is_dir() else "Hub name"
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise FileNotFoundError(
            f"{what} {str(name)!r} ({kind}) cannot be loaded: {reason} With network, check the name; without, fetch it"
            f" elsewhere (`hf download {Path(name).name if kind == 'folder' else name} --local-dir FOLDER`) and give"
            " the folder, which must hold config.json, the weights and the tokenizer's files; or use the shipped one"
        ) from fault


def _loaded(loader: Any, name: str, options: dict[str, Any]) -> Any:
    """Loads from the local cache if possible. If the checkpoint is not there and there is no network, transformers
    would retry for minutes; requesting a single file first fails at once.
    """
    if Path(name).is_dir():
        return loader.from_pretrained(name, **options)
    try:
        return loader.from_pretrained(name, local_files_only=True, **options)
    except (OSError, ValueError, KeyError, TypeError):
        hub_files(name, ["config.json"])
        return loader.from_pretrained(name, **options)


def hub_files(name: str | Path, patterns: Sequence[str]) -> Path:
    """The folder with these files of a checkpoint; `name` is a Hub name, or a folder, which is returned as it is.

    Raises OSError or ValueError at once when the Hub cannot be reached and they are not in the local cache either.
    """
    if Path(name).is_dir():
        return Path(name)
    import huggingface_hub  # imported here, so that a folder does not wait for it

    return Path(huggingface_hub.snapshot_download(str(name), allow_patterns=list(patterns)))


def revision(config: Any, name: str | Path) -> str:
    """An identifier of a checkpoint: its name with the Hub's commit, or with a hash of the folder's files."""
    if not Path(name).is_dir():
        return f"{name}@{(getattr(config, '_commit_hash', None) or 'unknown')[:12]}"
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(name).iterdir() if path.suffix in (".json", ".safetensors", ".bin")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"{Path(name).name}@{digest.hexdigest()[:12]}"
