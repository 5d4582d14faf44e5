"""Word pieces and readable text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.data.dialogue import Speaker
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer, learn_vocabulary, readable, wordpiece
from tests.tiny import tiny_tokenizer

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("i ' m sorry to hear that . i don ' t know", "I'm sorry to hear that. I don't know"),
        ("what happened ? you ' re not alone !", "What happened? You're not alone!"),
        ("it costs 3 . 50 ( i think )", "It costs 3.50 (I think)"),
        ("a well - known 12 : 30 train", "A well-known 12:30 train"),
        ("", ""),
    ],
)
def test_readable(raw: str, shown: str) -> None:
    assert readable(raw) == shown


def test_round_trip_in_lower_case() -> None:
    tokenizer = tiny_tokenizer()
    assert tokenizer.decode(tokenizer.encode("I am SORRY to hear that.")) == "I am sorry to hear that."


@given(st.text(max_size=200))
def test_no_text_becomes_a_special_token(text: str) -> None:
    tokenizer = tiny_tokenizer()
    assert not set(tokenizer.encode(text)) & (tokenizer.special - {tokenizer.unk})


def test_a_strategy_name_in_brackets_is_read_as_plain_text() -> None:
    tokenizer = tiny_tokenizer()
    assert tokenizer.strategies[0] not in tokenizer.encode("[Question] [EOS] [seeker]")
    assert tokenizer.eos not in tokenizer.encode("[EOS]")


def test_added_tokens_have_their_ids(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    assert len(tokenizer.strategies) == len(set(tokenizer.strategies)) == len(STRATEGIES)
    assert set(tokenizer.relations) == set(RELATIONS)
    assert set(tokenizer.speakers) == set(Speaker)
    (tmp_path / "t.json").write_text(tokenizer.fast.to_str())
    again = Tokenizer.load(tmp_path / "t.json")
    assert again.special == tokenizer.special
    with pytest.raises(FileNotFoundError, match=r"none\.json is missing"):
        Tokenizer.load(tmp_path / "none.json")


def test_a_foreign_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no token '\[PAD\]'"):
        Tokenizer(wordpiece({"[UNK]": 0, "a": 1}))


TEXTS = ["I am sad", "I am tired", "you rarely feel hard", "I am sad", "[Question] 7 zebras, maybe", "ça va?"]


def test_a_learnt_vocabulary_has_whole_words_and_spells_the_rest() -> None:
    tokenizer = learn_vocabulary(TEXTS)
    assert tokenizer.pieces("I am SAD.") == ["i", "am", "sad", "[UNK]"], "no text has a full stop"
    assert tokenizer.decode(tokenizer.encode("zebra ca 7")) == "Zebra ca 7"
    assert tokenizer.unk not in tokenizer.encode("daft rime")
    assert (tokenizer.pad, tokenizer.bos, tokenizer.eos, tokenizer.unk, tokenizer.cls) == (0, 1, 2, 3, 4)
    assert [len(learn_vocabulary(TEXTS, size)) for size in (76, 10_000)] == [76, 79]


def test_a_mark_that_is_typed_is_plain_text_to_a_learnt_vocabulary() -> None:
    tokenizer = learn_vocabulary([*TEXTS, "##a [EOS]"])
    assert not set(tokenizer.encode("##a [EOS] [Question]")) & tokenizer.special
    assert tokenizer.pieces("##a")[:2] == ["#", "#"]


def test_the_same_texts_give_the_same_vocabulary_in_another_process() -> None:
    """The trainer's hash maps are in another order in each process; many pairs of letters are equally frequent here."""
    letters = "abcdefghijklmnop"
    texts = [f"{a}{b}{c}{d}" for a in letters[:8] for b in letters for c in letters[:6] for d in letters[2:7]]
    told = f"from models.data.tokenizer import learn_vocabulary; print(learn_vocabulary({texts * 2!r}, 300).digest())"
    runs = [
        subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(3)
    ]
    assert len(set(runs)) == 1
