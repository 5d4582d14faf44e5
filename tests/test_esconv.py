"""The reader of ESConv and its splits, with made-up dialogues of our own."""

from __future__ import annotations

import gzip
import json
import logging
import random
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from models.data.dialogue import Dialogue, Speaker, Turn
from models.data.esconv import HUB_NAME, SPLITS, Target, read_esconv, split_dialogues, targets
from models.data.strategies import STRATEGIES, strategy_id


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    """A raw record of ESConv.json: the supporter opens, four turns."""
    return {
        "experience_type": "Current Experience",
        "emotion_type": "sadness",
        "problem_type": "job crisis",
        "situation": f"My shop number {number}  closed.\n",
        "survey_score": {"seeker": {"initial_emotion_intensity": "4"}},
        "dialog": [
            {"speaker": "supporter", "annotation": {"strategy": "Others"}, "content": "Hello\n"},
            {"speaker": "seeker", "annotation": {}, "content": "I feel \u2028 low"},
            {"speaker": "seeker", "annotation": {"feedback": "4"}, "content": "very low"},
            {"speaker": "supporter", "annotation": {"strategy": "Question"}, "content": "Since when?"},
        ],
    } | changes


def hub_record(number: int) -> dict[str, Any]:
    """The same dialogue as a line of the Hub's files."""
    turns = [
        {"text": "Hello", "speaker": "sys", "strategy": "Others"},
        {"text": "I feel low", "speaker": "usr"},
        {"text": "very low", "speaker": "usr"},
        {"text": "Since when?", "speaker": "sys", "strategy": "Question"},
    ]
    return record(number, dialog=turns)


def parsed(number: int = 0) -> Dialogue:
    turns = (
        Turn(Speaker.SUPPORTER, "Hello", "Others"),
        Turn(Speaker.SEEKER, "I feel low"),
        Turn(Speaker.SEEKER, "very low"),
        Turn(Speaker.SUPPORTER, "Since when?", "Question"),
    )
    return Dialogue(turns, f"My shop number {number} closed.", "sadness", "job crisis", f"esconv_{number:04d}")


def lines(records: list[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n"


def hub_folder(folder: Path, size: int) -> Path:
    """The Hub's layout of `size` dialogues: shuffled with seed 13, then valid, test, train."""
    order = list(range(size))
    random.Random(13).shuffle(order)
    part = int(0.15 * size)
    for name, cut in {"valid": order[:part], "test": order[part : 2 * part], "train": order[2 * part :]}.items():
        (folder / f"{name}.txt").write_text(lines([hub_record(number) for number in cut]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("form", ["json", "indented", "jsonl", "bom"])
def test_every_form_gives_the_same_dialogues(form: str, packed: bool, tmp_path: Path) -> None:
    records = [record(number) for number in range(3)]
    text = {
        "json": json.dumps(records),
        "indented": json.dumps(records, indent=1),
        "jsonl": lines(records),
        "bom": "\ufeff" + lines(records),
    }[form]
    path = tmp_path / "any_name"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert read_esconv(path) == tuple(parsed(number) for number in range(3))


def test_ids_of_the_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ESConv.json"
    path.write_text(json.dumps([record(0, id="x7"), record(1)]))
    assert [dialogue.id for dialogue in read_esconv(tmp_path)] == ["x7", "esconv_0001"]
    path.write_text(json.dumps([record(0, id="x7"), record(1, id="x7")]))
    with pytest.raises(ValueError, match=r"ESConv\.json: dialogues 1 and 2 have the same id x7"):
        read_esconv(path)


@pytest.mark.parametrize("name", ["hub", HUB_NAME])
def test_the_hub_is_read_in_the_original_order(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = hub_folder(tmp_path, 40)
    asked: list[tuple[str, str]] = []

    def snapshot(repo_id: str, *, repo_type: str, allow_patterns: list[str]) -> str:
        asked.append((repo_id, repo_type))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert read_esconv(name) == tuple(parsed(number) for number in range(40))
    assert asked == [("thu-coai/esconv", "dataset")]


def test_without_the_hub_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> str:
        raise ConnectionError("no route\nmore")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(FileNotFoundError, match=r"\(no route\); connect, or give the path of ESConv.json"):
        read_esconv("hub")


def test_a_folder_without_a_part_is_refused(tmp_path: Path) -> None:
    (hub_folder(tmp_path, 10) / "test.txt").unlink()
    with pytest.raises(FileNotFoundError, match="one file each of train, valid, test; test: none"):
        read_esconv(tmp_path)


SPELLINGS = {
    "[Questions]": "Question",
    "[Affirmation and Reassurance] ": "Affirmation and Reassurance",
    "Approval and Reassurance": "Affirmation and Reassurance",
    "Reflection of Feelings": "Reflection of feelings",
    "Self-Disclosure": "Self-disclosure",
    "self_disclosure": "Self-disclosure",
    "restatement or paraphrasing": "Restatement or Paraphrasing",
    "Providing Suggestions or Information": "Providing Suggestions",
    "Direct Guidance": "Providing Suggestions",
    "information": "Information",
    "[Other]": "Others",
    "Greeting": "Others",
} | {name: name for name in STRATEGIES}


@pytest.mark.parametrize(("spelling", "name"), SPELLINGS.items())
def test_strategies_get_their_one_name(spelling: str, name: str, tmp_path: Path) -> None:
    assert STRATEGIES[strategy_id(spelling)] == name
    raw = record()
    raw["dialog"][3]["annotation"]["strategy"] = spelling
    path = tmp_path / "ESConv.json"
    path.write_text(json.dumps([raw]))
    assert read_esconv(path)[0].turns[3].strategy == name


def dropped(field: str) -> dict[str, Any]:
    return {key: value for key, value in record().items() if key != field}


def with_turn(**changes: Any) -> dict[str, Any]:
    raw = record(id="d7")
    turn = raw["dialog"][3] | changes
    raw["dialog"][3] = {key: value for key, value in turn.items() if value is not ...}
    return raw


WRONG: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "file: empty, no dialogue in it"),
    "empty list": ("[]", "file: empty, no dialogue in it"),
    "not ESConv": (
        '{"text": "a", "label": 1}',
        "file, dialogue 1: not ESConv, no field dialog (got fields text, label)",
    ),
    "list of texts": ('["Question"]', "file, dialogue 1: not ESConv, no field dialog (got str)"),
    "bad line": (
        lines([record()]) + '{"dialog": [}',
        "file, line 2: not valid JSON (Expecting value, column 13)",
    ),
    "bad list": ('[{"a": 1},\n', "file: not valid JSON (Expecting value, line 2, column 1)"),
    "bad gzip": (gzip.compress(b"[]" * 999)[:-12], "file: damaged gzip file ("),
    "bad gzip body": (gzip.compress(b"ab" * 999)[:12] + b"\0" * 40, "file: damaged gzip file ("),
    "not UTF-8": (b"\x80abc", "file: not UTF-8 text (byte 0)"),
    "no situation": (lines([record(), dropped("situation")]), "file, dialogue 2: field situation is missing"),
    "no emotion": (lines([dropped("emotion_type")]), "file, dialogue 1: field emotion_type is missing"),
    "null problem": (lines([record(problem_type=None)]), "file, dialogue 1: field problem_type is None, not a text"),
    "no turns": (lines([record(dialog=[])]), "file, dialogue 1: field dialog holds no turns"),
    "turn is text": (lines([record(dialog=["hi"])]), "file, dialogue 1, dialog[0]: not a turn but str"),
    "no content": (lines([with_turn(content=...)]), "dialogue 1 (id d7), dialog[3]: field content is missing"),
    "empty content": (lines([with_turn(content=" \n")]), "dialogue 1 (id d7), dialog[3]: field content is empty"),
    "third speaker": (lines([with_turn(speaker="bot")]), "dialog[3]: field speaker is 'bot'; allowed: seeker, usr"),
    "no strategy": (lines([with_turn(annotation={})]), "dialog[3]: field annotation.strategy is missing"),
    "no annotation": (lines([with_turn(annotation=None)]), "dialog[3]: field annotation.strategy is missing"),
    "unknown strategy": (
        lines([record(), with_turn(annotation={"strategy": "Advice"})]),
        "file, dialogue 2 (id d7), dialog[3]: field annotation.strategy: unknown strategy 'Advice'; allowed: Question",
    ),
    "annotation is a list": (lines([with_turn(annotation=["x"])]), "dialog[3]: field annotation.strategy is missing"),
    "annotation of a seeker is a text": (
        lines([record(dialog=[{"speaker": "seeker", "content": "hi", "annotation": "x"}, *record()["dialog"][1:]])]),
        "dialogue 1, dialog[0]: field annotation is 'x', not an object",
    ),
    "survey is a number": (lines([record(survey_score=3)]), "dialogue 1: field survey_score is 3, not an object"),
    "survey of nobody": (
        lines([record(survey_score={"seeker": [4]})]),
        "dialogue 1, survey_score: field seeker is [4], not an object",
    ),
    "nested too deeply": ("[" * 100_000, "file: JSON nested too deeply"),
    "half of a character": (json.dumps(record(situation="\ud83d")), "file, line 1: \\ud83d is half of a character"),
    "one speaker": (
        lines([record(id="d1", dialog=[{"speaker": "seeker", "content": "hi"}] * 2)]),
        "file, dialogue 1 (id d1): field dialog has one speaker only, seeker; both must speak",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_esconv_is_told_by_file_dialogue_and_field(case: str, tmp_path: Path) -> None:
    content, message = WRONG[case]
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match="file") as caught:
        read_esconv(path)
    assert message in str(caught.value)


def test_a_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"give the path of ESConv\.json, or 'hub' to fetch it"):
        read_esconv(tmp_path / "nothing.json")


def test_targets_are_supporter_turns_with_a_context() -> None:
    dialogue = parsed()
    assert targets([dialogue]) == (Target(dialogue, 3),)
    target = Target(dialogue, 3)
    assert target.gold.text == "Since when?"
    assert target.context.turns == dialogue.turns[:3]
    assert target.context.situation == dialogue.situation


def test_split_d_has_the_published_sizes_and_shares_no_dialogue(caplog: pytest.LogCaptureFixture) -> None:
    dialogues = tuple(parsed(number) for number in range(1300))
    splits = split_dialogues(dialogues)
    ids = {part: {target.dialogue.id for target in splits.part(part)} for part in ("train", "valid", "test")}
    assert {part: len(names) for part, names in ids.items()} == {"train": 910, "valid": 195, "test": 195}
    assert len(set().union(*ids.values())) == 1300
    # The first dialogues drawn by seed 13, checked once against the membership of the published parts.
    assert [sorted(ids[part])[:3] for part in ("valid", "test")] == [
        ["esconv_0014", "esconv_0023", "esconv_0030"],
        ["esconv_0012", "esconv_0021", "esconv_0032"],
    ]
    assert splits == split_dialogues(dialogues, "D")
    assert not caplog.records


def test_split_e_has_the_published_sizes_and_cuts_single_turns() -> None:
    """17,645 turns of few long dialogues: what counts is the number of turns with an earlier seeker turn."""
    opening = (Turn(Speaker.SUPPORTER, "Hello", "Others"), Turn(Speaker.SUPPORTER, "Hi?", "Question"))
    pair = (Turn(Speaker.SEEKER, "low"), Turn(Speaker.SUPPORTER, "I see", "Others"))
    dialogues = tuple(Dialogue(opening + pair * 3529, id=str(number)) for number in range(5))
    splits = split_dialogues(dialogues, "E")
    assert [len(splits.part(part)) for part in ("train", "valid", "test")] == [14117, 1764, 1764]
    together = {
        (target.dialogue.id, target.turn) for part in (splits.train, splits.valid, splits.test) for target in part
    }
    assert len(together) == 17645
    assert min(turn for _, turn in together) == 3
    assert splits == split_dialogues(dialogues, "E")


def test_other_numbers_of_dialogues_are_split_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        splits = split_dialogues([parsed(number) for number in range(20)])
    assert [len(splits.part(part)) for part in ("train", "valid", "test")] == [14, 3, 3]
    assert "split D of 20 dialogues is not the published one of 1300" in caplog.text


def test_unknown_splits_and_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown split 'F'; allowed: D "):
        split_dialogues([], "F")
    with pytest.raises(ValueError, match="unknown part 'dev' of split D; allowed: train, valid, test"):
        split_dialogues([parsed()]).part("dev")
    assert set(SPLITS) == {"D", "E"}
