"""ESConv (Liu et al. 2021) from a file, a folder or the Hub, and the two ways of splitting it in the literature.

Place in the flow: raw file -> Dialogue -> Target (a supporter turn to be predicted) -> Example. ESConv is CC BY-NC 4.0
and is not part of this repository: `read_esconv("hub")` fetches it, any other argument is a path.

One raw record of ESConv.json, shortened and made up (the file is a list of them; JSON Lines and gzip are read as well):
    {"experience_type": "Current Experience", "emotion_type": "sadness", "problem_type": "breakup with partner",
     "situation": "He moved out last week.",
     "survey_score": {"seeker": {"initial_emotion_intensity": "4", "final_emotion_intensity": "2"}},
     "dialog": [{"speaker": "seeker", "annotation": {}, "content": "hi there "},
                {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "What brings you here?"},
                {"speaker": "seeker", "annotation": {"feedback": "4"}, "content": "I miss him."}]}
The Hub's train.txt, valid.txt and test.txt hold one record per line, with turns in another form:
    [{"speaker": "usr", "text": "hi there"}, {"speaker": "sys", "strategy": "Question", "text": "What is it?"}]
"""

from __future__ import annotations

import gzip
import logging
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from models.data.dialogue import Dialogue, Feedback, Speaker, Turn
from models.data.strategies import STRATEGIES, strategy_id
from models.reading.json_values import parse_json

logger = logging.getLogger(__name__)

HUB_NAME = "thu-coai/esconv"
N_DIALOGUES = 1300
SPLIT_SEED = 13
SPLITS = {
    "D": "dialogue level, 910/195/195 dialogues, as BlenderBot-Joint, KEMI and STAR",
    "E": "turn level, 14117/1764/1764 turns, as MISC; leaky: every test situation is in train",
}
PARTS = ("train", "valid", "test")

SPEAKERS = {
    "seeker": Speaker.SEEKER,
    "usr": Speaker.SEEKER,
    "speaker": Speaker.SEEKER,  # FailedESConv.json
    "supporter": Speaker.SUPPORTER,
    "sys": Speaker.SUPPORTER,
    "listener": Speaker.SUPPORTER,
}
_T = TypeVar("_T")


@dataclass(frozen=True)
class Target:
    """A supporter turn to be predicted from the turns before it; `turn` is its index in `dialogue.turns`, > 0."""

    dialogue: Dialogue
    turn: int

    @property
    def gold(self) -> Turn:
        """What the supporter actually said, with the strategy."""
        return self.dialogue.turns[self.turn]

    @property
    def context(self) -> Dialogue:
        """The dialogue up to the turn before the target."""
        return replace(self.dialogue, turns=self.dialogue.turns[: self.turn])


@dataclass(frozen=True)
class Splits:
    """The targets of each part of one split, named as in `SPLITS`."""

    name: str
    train: tuple[Target, ...]
    valid: tuple[Target, ...]
    test: tuple[Target, ...]

    def part(self, name: str) -> tuple[Target, ...]:
        """The targets of "train", "valid" or "test". Raises ValueError for another name."""
        if name not in PARTS:
            raise ValueError(f"unknown part {name!r} of split {self.name}; allowed: {', '.join(PARTS)}")
        return {"train": self.train, "valid": self.valid, "test": self.test}[name]


def read_esconv(path: str | Path) -> tuple[Dialogue, ...]:
    """Every dialogue of ESConv in the original order, white space normalised, each with its own id.

    Args:
        path: "hub" or "thu-coai/esconv" (fetched once through huggingface_hub); or ESConv.json or a JSON Lines file,
            gzipped or not; or a folder with ESConv.json or with the train, valid and test files of the Hub.

    Raises FileNotFoundError when there is nothing to read, and ValueError naming file, dialogue and field when the
    data is not ESConv.
    """
    if str(path) in ("hub", HUB_NAME):
        path = _download()
    path = Path(path)
    dialogues = _read_folder(path) if path.is_dir() else _read_file(path)
    named = tuple(d if d.id else replace(d, id=f"esconv_{at:04d}") for at, d in enumerate(dialogues))
    first_at: dict[str, int] = {}
    for at, dialogue in enumerate(named):
        if first_at.setdefault(dialogue.id, at) != at:
            raise ValueError(
                f"{path}: dialogues {first_at[dialogue.id] + 1} and {at + 1} have the same id {dialogue.id}"
            )
    return named


def targets(dialogues: Iterable[Dialogue]) -> tuple[Target, ...]:
    """Every supporter turn that has a context, in file order."""
    return tuple(
        Target(dialogue, at)
        for dialogue in dialogues
        for at, turn in enumerate(dialogue.turns)
        if at > 0 and turn.speaker is Speaker.SUPPORTER
    )


def split_dialogues(dialogues: Sequence[Dialogue], split: str = "D") -> Splits:
    """Split D or E (see `SPLITS`) of the dialogues, which must be in the order of ESConv.json.

    D shuffles dialogues with seed 13 and cuts 15 % valid, 15 % test, rest train, which gives the parts of the reference
    implementation and of the Hub. E does the same with single turns that have an earlier seeker turn, 10 % each: the
    sizes are MISC's, but the membership is our own, since MISC's seed is unknown.

    Raises ValueError for another name.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; allowed: {', '.join(f'{k} ({v})' for k, v in SPLITS.items())}")
    if len(dialogues) != N_DIALOGUES:
        logger.warning("split %s of %d dialogues is not the published one of %d", split, len(dialogues), N_DIALOGUES)
    if split == "D":
        valid, test, train = _cut(dialogues, 0.15)
        return Splits(split, targets(train), targets(valid), targets(test))
    valid_turns, test_turns, train_turns = _cut([t for t in targets(dialogues) if t.context.last_post()], 0.1)
    return Splits(split, train_turns, valid_turns, test_turns)


def _cut(items: Sequence[_T], share: float) -> tuple[tuple[_T, ...], tuple[_T, ...], tuple[_T, ...]]:
    """Shuffle, then (first share, second share, the rest), each in the original order."""
    order = list(range(len(items)))
    random.Random(SPLIT_SEED).shuffle(order)
    size = int(share * len(items))
    cuts = order[:size], order[size : 2 * size], order[2 * size :]
    valid, test, rest = (tuple(items[at] for at in sorted(cut)) for cut in cuts)
    return valid, test, rest


def _download() -> Path:
    """The folder with the Hub's files in the local cache of huggingface_hub."""
    import huggingface_hub  # imported here, so that reading a file does not wait for it

    try:
        folder = huggingface_hub.snapshot_download(
            HUB_NAME, repo_type="dataset", allow_patterns=["*.txt", "*.json", "*.jsonl"]
        )
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise FileNotFoundError(
            f"{HUB_NAME} could not be fetched from the Hub ({reason}); connect, or give the path of ESConv.json"
        ) from error
    return Path(folder)


def _read_folder(folder: Path) -> list[Dialogue]:
    """ESConv.json if it is there, else the three parts, put back into the original order if they are complete."""
    for whole in ("ESConv.json", "ESConv.json.gz"):
        if (folder / whole).is_file():
            return _read_file(folder / whole)
    parts: list[list[Dialogue]] = []
    for part in ("valid", "test", "train"):  # the order in which they were cut from the shuffled dialogues
        files = [path for path in sorted(folder.glob(f"{part}*")) if {".txt", ".json", ".jsonl"} & set(path.suffixes)]
        if len(files) != 1:
            found = ", ".join(path.name for path in files) or "none"
            raise FileNotFoundError(
                f"{folder}: want ESConv.json, or one file each of train, valid, test; {part}: {found}"
            )
        parts.append(_read_file(files[0]))
    shuffled = [dialogue for part in parts for dialogue in part]
    if [len(part) for part in parts] != [195, 195, 910]:
        logger.warning("%s holds %d dialogues, not the %d of ESConv", folder, len(shuffled), N_DIALOGUES)
    order = list(range(len(shuffled)))
    random.Random(SPLIT_SEED).shuffle(order)
    return [dialogue for _, dialogue in sorted(zip(order, shuffled, strict=True), key=lambda pair: pair[0])]


def _read_file(path: Path) -> list[Dialogue]:
    records = _records(path)
    if not records:
        raise ValueError(f"{path}: empty, no dialogue in it")
    return [dialogue_of(record, f"{path}, dialogue {at + 1}") for at, record in enumerate(records)]


def _records(path: Path) -> list[Any]:
    """The raw records of a JSON list or of JSON Lines, gzipped or not."""
    if not path.is_file():
        raise FileNotFoundError(f"no ESConv file at {path}; give the path of ESConv.json, or 'hub' to fetch it")
    data = path.read_bytes()
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip file ({error}); fetch it again") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); give the path of ESConv.json") from error
    if text.lstrip().startswith("["):
        records = _json(text, str(path))
        return list(records)
    lines = enumerate(text.split("\n"), start=1)  # splitlines() would also cut at separators inside a text
    return [_json(line, f"{path}, line {number}") for number, line in lines if line.strip()]


def _json(text: str, where: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def dialogue_of(record: Any, where: str) -> Dialogue:
    """The dialogue of a raw record. Raises ValueError with a message that begins with `where` and names the field."""
    if not isinstance(record, dict) or "dialog" not in record:
        got = f"fields {', '.join(map(str, record)) or 'none'}" if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"{where}: not ESConv, no field dialog (got {got})")
    name = str(record.get("id") or "")
    where += f" (id {name})" if name else ""
    situation, emotion, problem = (_text(record, key, where) for key in ("situation", "emotion_type", "problem_type"))
    raw_turns = record["dialog"]
    if not isinstance(raw_turns, list) or not raw_turns:
        raise ValueError(f"{where}: field dialog holds no turns")
    turns = tuple(_turn(raw, f"{where}, dialog[{index}]") for index, raw in enumerate(raw_turns))
    if len({turn.speaker for turn in turns}) == 1:
        raise ValueError(f"{where}: field dialog has one speaker only, {turns[0].speaker}; both must speak")
    return Dialogue(turns, situation, emotion, problem, name, _feedback(record, where))


def _feedback(record: dict[str, Any], where: str) -> Feedback:
    """The stars given with each turn and the relief at the end; empty if a release leaves them out, since nets learn
    from whatever is there."""
    annotations = [
        _object(raw, "annotation", f"{where}, dialog[{index}]") for index, raw in enumerate(record["dialog"])
    ]
    stars = [_number(annotation.get("feedback")) or 0 for annotation in annotations]
    seeker = _object(_object(record, "survey_score", where), "seeker", f"{where}, survey_score")
    before, after = (_number(seeker.get(f"{when}_emotion_intensity")) for when in ("initial", "final"))
    relief = None if before is None or after is None else before - after
    return Feedback(tuple(stars) if any(stars) else (), relief)


def _object(record: dict[str, Any], field: str, where: str) -> dict[str, Any]:
    """An object in a record, {} if there is none. Raises ValueError when it is something else."""
    value = record.get(field) or {}
    if not isinstance(value, dict):
        raise ValueError(f"{where}: field {field} is {value!r:.60}, not an object")
    return value


def _number(value: Any) -> int | None:
    """An answer from 1 to 5, or None."""
    return int(value) if str(value) in ("1", "2", "3", "4", "5") else None


def _turn(raw: Any, where: str) -> Turn:
    if not isinstance(raw, dict):
        raise ValueError(f"{where}: not a turn but {type(raw).__name__}")
    name = _text(raw, "speaker", where)
    if name not in SPEAKERS:
        raise ValueError(f"{where}: field speaker is {name!r}; allowed: {', '.join(SPEAKERS)}")
    speaker = SPEAKERS[name]
    text = _text(raw, "text" if "text" in raw else "content", where)
    if not text:
        raise ValueError(f"{where}: field content is empty")
    if speaker is Speaker.SEEKER:
        return Turn(speaker, text)
    holder, field = (raw, "strategy") if "strategy" in raw else (raw.get("annotation"), "annotation.strategy")
    strategy = _text(holder if isinstance(holder, dict) else {}, "strategy", where, shown=field)
    try:
        return Turn(speaker, text, STRATEGIES[strategy_id(strategy)])
    except ValueError as error:
        raise ValueError(f"{where}: field {field}: {error}") from error


def _text(record: dict[str, Any], field: str, where: str, shown: str = "") -> str:
    """A text field with its white space normalised. Raises ValueError when it is missing or not a text."""
    if field not in record:
        raise ValueError(f"{where}: field {shown or field} is missing")
    value = record[field]
    if not isinstance(value, str):
        raise ValueError(f"{where}: field {shown or field} is {value!r:.60}, not a text")
    return " ".join(value.split())
