"""The map of one net as a file: JSON without any text of the data set, strictly read.

The file for 800 turns has about 100 KB: columns instead of rows, arrays of float16 in base64, principal coordinates
instead of states. In a copy of ESConv, a turn can be found by its dialogue number and turn number.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from models.analysis.state_map import VERDICTS, MapAbout, MapTurn, Projection, Separation, StateMap
from models.data.esconv_labels import EMOTION_TYPES
from models.data.strategies import STRATEGIES
from models.files.whole_file import write_whole
from models.reading.json_values import read_json
from models.reading.text_files import without_folder

VERSION = 1
KIND = "map of decoder states"
SHIPPED = Path(__file__).parent / "shipped" / "maps"
"""maps of the shipped nets, NET.json each"""
MAX_BYTES = 4 * 2**20
"""size of the largest file that is read"""
MAX_TURNS = 5000
CLUSTERS = len(STRATEGIES)

_LABELS: dict[str, Sequence[str]] = {
    "gold": STRATEGIES,
    "predicted": STRATEGIES,
    "emotion": EMOTION_TYPES,
    "verdict": VERDICTS,
}
"""columns with the index of a label in a list, -1 for none; in the order of `MapTurn`"""
_COLUMNS = ("dialogue", "turn", *_LABELS, "cluster", "x", "y")
_TOP = ("version", "kind", "about", "figures", "turns", "coordinates", "mean", "components")


def map_path(folder: Path, net: str) -> Path:
    """The file with the map of a net, in a folder of maps."""
    return folder / f"{net}.json"


def write_map(found: StateMap, path: Path) -> None:
    """Write the file, whole or not at all. Raises ValueError for values that are not finite, OSError if it fails."""
    columns: dict[str, list[Any]] = {
        "dialogue": [turn.dialogue for turn in found.turns],
        "turn": [turn.turn for turn in found.turns],
        "cluster": found.clusters.tolist(),
        "x": [round(float(x), 3) for x in found.plane[:, 0]],
        "y": [round(float(y), 3) for y in found.plane[:, 1]],
    }
    for name, labels in _LABELS.items():
        values = [getattr(turn, name) for turn in found.turns]
        columns[name] = [labels.index(value) if value else -1 for value in values]
    whole = {
        "version": VERSION,
        "kind": KIND,
        "about": asdict(found.about),
        "figures": {name: round(value, 4) for name, value in asdict(found.figures).items()},
        "turns": {name: columns[name] for name in _COLUMNS},
        "coordinates": _packed(found.coordinates),
        "mean": _packed(found.projection.mean[None]),
        "components": _packed(found.projection.components),
    }
    lines = (f'"{name}": {json.dumps(value, separators=(",", ":"))}' for name, value in whole.items())
    write_whole(path, "{" + ",\n".join(lines) + "}\n")


def read_map(path: Path) -> StateMap:
    """The map in a file.

    Raises FileNotFoundError, and for anything that `write_map` does not write ValueError naming the file, what is wrong
    in it and what to do. A page shows this message, so it does not name the folder.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no map at {path}; make it with `python -m models map NET --esconv PATH`")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"the file has {size:,} bytes; a map has at most {MAX_BYTES:,}")
        return _map(read_json(path))
    except (ValueError, OSError) as error:
        raise ValueError(
            f"{path.name} is no map this version reads ({without_folder(error, path)}); make it again with"
            f" `python -m models map {path.stem} --esconv PATH`"
        ) from error


def check_weights(found: StateMap, net: str, checkpoint: str) -> None:
    """Raises ValueError when a map is of another net or of other weights than the running ones."""
    about = found.about
    if about.net != net:
        raise ValueError(f"this map is of the net {about.net}, not of {net}; give the map of {net}")
    if about.checkpoint != checkpoint:
        raise ValueError(
            f"this map is stale: it was made with other weights of {net} ({about.checkpoint}; running: {checkpoint});"
            f" make it again with `python -m models map {net} --esconv PATH`"
        )


def _map(data: Any) -> StateMap:
    _keys(data, _TOP, "the file")
    if data["kind"] != KIND or data["version"] != VERSION:
        raise ValueError(f"it is {data['kind']!r:.60}, version {data['version']!r:.20}; want {KIND!r}, {VERSION}")
    about = _record(MapAbout, data["about"], "about")
    figures = _record(Separation, data["figures"], "figures")
    columns = data["turns"]
    _keys(columns, _COLUMNS, "turns")
    count = figures.turns
    if not 1 <= count <= MAX_TURNS:
        raise ValueError(f"figures: turns is {count}; allowed: 1 to {MAX_TURNS:,}")
    beyond = [name for name, value in asdict(figures).items() if name != "turns" and not -1 <= value <= 1]
    if beyond or not 1 <= about.dialogues <= count:
        raise ValueError(
            f"want figures of -1 to 1, and 1 to {count} dialogues: {', '.join(beyond) or 'about.dialogues'}"
        )
    dialogues, places = (_whole(columns, name, (1, 10**6), count) for name in ("dialogue", "turn"))
    labels = [_labels(columns, name, known, count) for name, known in _LABELS.items()]
    turns = tuple(MapTurn(*values) for values in zip(dialogues, places, *labels, strict=True))
    clusters = np.array(_whole(columns, "cluster", (0, CLUSTERS - 1), count))
    plane = np.array([_floats(columns, name, count) for name in ("x", "y")]).T
    mean = _unpacked(data, "mean", rows=1)[0]
    components = _unpacked(data, "components", width=len(mean))
    coordinates = _unpacked(data, "coordinates", rows=count, width=len(components))
    if len(components) < 2:
        raise ValueError("components: fewer than the two of a plane")
    return StateMap(about, figures, turns, clusters, plane, coordinates, Projection(mean, components))


def _keys(value: Any, wanted: Sequence[str], where: str) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no object")
    if set(value) != set(wanted):
        missing, extra = sorted(set(wanted) - set(value)), sorted(set(value) - set(wanted))
        raise ValueError(f"{where}: missing {', '.join(missing) or 'nothing'}, unknown {', '.join(extra) or 'nothing'}")


def _record(kind: type[Any], value: Any, where: str) -> Any:
    """A value as a dataclass of texts and numbers. Raises ValueError."""
    _keys(value, [field.name for field in fields(kind)], where)
    for name, hint in get_type_hints(kind).items():
        fits = (int, float) if hint is float else hint
        if not isinstance(value[name], fits) or isinstance(value[name], bool):
            raise ValueError(f"{where}: {name} is {value[name]!r:.40}; want {hint.__name__}")
        if isinstance(value[name], str) and len(value[name]) > 200:
            raise ValueError(f"{where}: {name} is longer than 200 characters")
    return kind(**value)


def _column(columns: Mapping[str, Any], name: str, count: int) -> list[Any]:
    values = columns[name]
    if not isinstance(values, list) or len(values) != count:
        got = len(values) if isinstance(values, list) else type(values).__name__
        raise ValueError(f"turns: {name} holds {got} values; want {count}")
    return values


def _whole(columns: Mapping[str, Any], name: str, bounds: tuple[int, int], count: int) -> list[int]:
    values = _column(columns, name, count)
    for value in values:
        if type(value) is not int or not bounds[0] <= value <= bounds[1]:
            raise ValueError(f"turns: {name} holds {value!r:.40}; allowed: {bounds[0]} to {bounds[1]}")
    return values


def _labels(columns: Mapping[str, Any], name: str, labels: Sequence[str], count: int) -> list[str]:
    # Every turn of a map has a gold strategy, which decides the shape of its point.
    bounds = (0 if name == "gold" else -1, len(labels) - 1)
    return ["" if place < 0 else labels[place] for place in _whole(columns, name, bounds, count)]


def _floats(columns: Mapping[str, Any], name: str, count: int) -> list[float]:
    values = _column(columns, name, count)
    for value in values:
        if type(value) not in (int, float) or abs(value) > 1e6:
            raise ValueError(f"turns: {name} holds {value!r:.40}; want a number up to a million")
    return values


def _packed(values: np.ndarray) -> dict[str, Any]:
    """Rows as float16 in base64, little-endian, with their shape."""
    half = values.astype("<f2")
    if not np.isfinite(half).all():
        raise ValueError("the states hold values beyond 65504, or no numbers; they cannot be written")
    return {"shape": list(half.shape), "float16": base64.b64encode(half.tobytes()).decode("ascii")}


def _unpacked(data: Mapping[str, Any], name: str, rows: int | None = None, width: int | None = None) -> np.ndarray:
    value = data[name]
    _keys(value, ("shape", "float16"), name)
    shape = value["shape"]
    if (
        not isinstance(shape, list)
        or len(shape) != 2
        or not all(type(one) is int and 1 <= one <= 10**5 for one in shape)
    ):
        raise ValueError(f"{name}: shape is {shape!r:.40}; want two whole numbers")
    if (rows is not None and shape[0] != rows) or (width is not None and shape[1] != width):
        raise ValueError(f"{name}: shape is {shape}; want {[rows or shape[0], width or shape[1]]}")
    try:
        raw = base64.b64decode(value["float16"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise ValueError(f"{name}: not base64 ({error})") from error
    if len(raw) != 2 * shape[0] * shape[1]:
        raise ValueError(f"{name}: {len(raw)} bytes for a shape of {shape}; the file is cut or changed")
    found = np.frombuffer(raw, "<f2").astype(np.float32).reshape(shape)
    if not np.isfinite(found).all():
        raise ValueError(f"{name}: holds values that are no numbers")
    return found
