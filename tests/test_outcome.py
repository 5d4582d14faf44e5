"""What came of a turn: read from ESConv, learnt from, never part of what is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.data.batches import make_batch
from models.data.dialogue import Dialogue, Feedback, Speaker, Turn
from models.data.esconv import read_esconv, targets
from models.data.examples import OTHER_TURN, SEEKER_TURN, ContextShape, make_example, turn_ids
from models.data.outcome import Outcome, outcome_of
from models.data.strategies import STRATEGIES
from tests.tiny import CAUSAL, tiny_net, tiny_tokenizer

SURVEY = {"seeker": {"initial_emotion_intensity": "5", "final_emotion_intensity": "2"}}


def esconv(folder: Path, survey: object, *stars: str | None) -> Dialogue:
    """A talk in which seeker and supporter take turns, the seeker giving those stars."""
    said = []
    for number, given in enumerate(stars):
        said.append({"speaker": "seeker", "annotation": {"feedback": given} if given else {}, "content": "hi"})
        said.append({"speaker": "supporter", "annotation": {"strategy": STRATEGIES[number]}, "content": "yes"})
    record = {"situation": "", "emotion_type": "fear", "problem_type": "job crisis", "dialog": said}
    path = folder / "ESConv.json"
    path.write_text(json.dumps([record | ({"survey_score": survey} if survey else {})]), encoding="utf-8")
    return read_esconv(path)[0]


def test_stars_and_relief_are_read(tmp_path: Path) -> None:
    talk = esconv(tmp_path, SURVEY, None, None, "4", "2")
    assert talk.feedback == Feedback((0, 0, 0, 0, 4, 0, 2, 0), 3)
    assert [outcome_of(target) for target in targets([talk])] == [
        Outcome(4, 3, (1, 2)),
        Outcome(4, 3, (2, 3)),
        Outcome(2, 3, (3,)),
        Outcome(0, 3, ()),
    ]


@pytest.mark.parametrize("survey", [None, {}, {"seeker": None}, {"seeker": {"final_emotion_intensity": "2"}}])
def test_what_a_release_leaves_out_is_unknown(tmp_path: Path, survey: object) -> None:
    assert esconv(tmp_path, survey, None, "six").feedback == Feedback()


def test_it_is_no_part_of_what_is_said() -> None:
    talk = Dialogue((Turn(Speaker.SEEKER, "hi"),), feedback=Feedback((5,), 2))
    assert "feedback" not in talk.to_dict()
    assert Dialogue.from_dict(talk.to_dict()) == talk
    assert repr(talk) == repr(Dialogue(talk.turns))


@pytest.mark.parametrize("name", ["joint", f"{CAUSAL}joint"])
def test_the_turns_of_a_context_end_where_their_tokens_end(name: str) -> None:
    net = tiny_net(name)
    turns = (
        Turn(Speaker.SEEKER, "hello"),
        Turn(Speaker.SUPPORTER, "what happened?", "Question"),
        Turn(Speaker.SUPPORTER, "hello"),
        Turn(Speaker.SEEKER, "i lost my job"),
    )
    whole = make_example(Dialogue(turns), None, ((), ()), net.tokenizer, net.shape)
    assert [kind for _, kind in whole.turns] == [SEEKER_TURN, 1, OTHER_TURN, SEEKER_TURN]
    for (end, _), turn in zip(whole.turns, turns, strict=True):
        ids = tuple(turn_ids(turn, net.tokenizer, net.shape))
        assert whole.context[end - len(ids) : end] == ids
    short = make_example(Dialogue(turns), None, ((), ()), tiny_tokenizer(), ContextShape(tokens=8))
    assert [kind for _, kind in short.turns] == [SEEKER_TURN]
    batch = make_batch([whole, short])
    assert batch.turn_ends[1].tolist() == [len(short.context), 0, 0, 0]
