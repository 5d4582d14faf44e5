"""Checkpoints of `transformers` from the Hub or a local folder, with an error that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def from_hub(loader: Any, name: str | Path, what: str) -> Any:
    """`loader.from_pretrained(name)` in eval mode where it is a net; `name` is a Hub name or a folder.

    Raises FileNotFoundError naming `what` and the ways to get it when it cannot be loaded.
    """
    try:
        loaded = _loaded(loader, str(name))
    except (OSError, ValueError, KeyError) as fault:
        kind = "folder" if Path(name).is_dir() else "Hub name"
        reason = str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__
        raise FileNotFoundError(
            f"{what} {str(name)!r} ({kind}) cannot be loaded: {reason} With network, check the name; without, fetch it"
            f" elsewhere (`hf download {Path(name).name if kind == 'folder' else name} --local-dir FOLDER`) and give"
            " the folder, which must hold config.json, the weights and the tokenizer's files; or use the compact one"
        ) from fault
    return loaded.eval() if hasattr(loaded, "eval") else loaded


def hub_files(name: str | Path, patterns: Sequence[str]) -> Path:
    """The folder that holds those files of a checkpoint; `name` is a Hub name or a folder, which is given back.

    Raises OSError or ValueError at once when the Hub cannot be reached and does not lie in the local cache either.
    """
    if Path(name).is_dir():
        return Path(name)
    import huggingface_hub  # here, since a folder must not wait for it

    return Path(huggingface_hub.snapshot_download(str(name), allow_patterns=list(patterns)))


def _loaded(loader: Any, name: str) -> Any:
    """What lies in the local cache is taken as it is. Without it and without a network transformers would try for
    minutes; asking for one file tells at once.
    """
    if Path(name).is_dir():
        return loader.from_pretrained(name)
    try:
        return loader.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError):
        hub_files(name, ["config.json"])
        return loader.from_pretrained(name)


def revision(model: Any, name: str | Path) -> str:
    """What identifies a loaded checkpoint: its name, and the Hub's commit where there is one."""
    commit = getattr(model.config, "_commit_hash", None)
    return f"{Path(name).name if Path(name).is_dir() else name}@{commit[:12] if commit else 'local'}"
