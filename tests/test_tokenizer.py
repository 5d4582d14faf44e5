"""Word pieces and readable text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as FastTokenizer

from models.data.dialogue import Speaker
from models.data.relations import RELATIONS
from models.data.strategies import STRATEGIES
from models.data.tokenizer import Tokenizer, readable, trim_vocabulary, wordpiece
from tests.tiny import LETTERS, WORDS, tiny_tokenizer


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
    tokenizer.save(tmp_path / "t.json")
    again = Tokenizer.load(tmp_path / "t.json")
    assert again.special == tokenizer.special
    with pytest.raises(FileNotFoundError, match=r"none\.json is missing"):
        Tokenizer.load(tmp_path / "none.json")


def test_a_foreign_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no token '\[PAD\]'"):
        Tokenizer(wordpiece({"[UNK]": 0, "a": 1}))


def test_trimming_keeps_the_most_used_and_spells_the_rest(tmp_path: Path) -> None:
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    source = wordpiece(
        {p: i for i, p in enumerate([*specials, *WORDS, "rarely", *LETTERS, *(f"##{c}" for c in LETTERS)])}
    )
    source.save(str(tmp_path / "tokenizer.json"))
    texts = ["i am sad", "i am tired", "you rarely feel hard", "i am", "zebra 7"]
    tokenizer, origin = trim_vocabulary(tmp_path / "tokenizer.json", texts, 45)
    vocabulary = FastTokenizer.from_file(str(tmp_path / "tokenizer.json")).get_vocab()
    assert len(origin) == len(tokenizer)
    kept = tokenizer.fast.token_to_id("am")
    assert origin[kept] == vocabulary["am"]
    assert origin[tokenizer.eos] == vocabulary["[SEP]"]
    assert tokenizer.decode(tokenizer.encode("zebra")) == "Zebra"
    assert tokenizer.unk not in tokenizer.encode("rarely")
