"""What is typed: cleaned without loss, measured, and looked at for its language."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escdemo.intake import Refusal, check_length, clean, clean_within, looks_english


def test_control_characters_go_and_everything_else_stays() -> None:
    assert clean("  a\x00b\x07c\r\nd\te  ") == "abc\nd\te"
    assert clean("evil \u202etxt") == "evil txt"
    for kept in ("👩‍👩‍👧 ok 🙂", "مرحبا كيف حالك", "می‌خواهم", "你好", "<b>bold</b> & *stars*"):
        assert clean(kept) == kept


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@pytest.mark.parametrize("empty", ["", "   \n\t ", "\u200b\u200b", "\x00\x01", None])
def test_empty_is_refused(empty: str | None) -> None:
    with pytest.raises(Refusal, match="empty"):
        check_length(empty or "", 10, "a message")


def test_too_long_is_refused_with_both_numbers_and_without_the_text() -> None:
    with pytest.raises(Refusal, match=r"10,000 characters long and the limit is 2,000") as caught:
        check_length("secret" + "x" * 9_994, 2_000, "a message")
    assert "secret" not in str(caught.value)
    assert check_length("x" * 2_000, 2_000, "a message") == "x" * 2_000


def test_a_run_of_marks_is_cut_before_it_is_composed() -> None:
    """Composing 200,000 marks takes half a minute; 30 of them are left, and what a language writes stays."""
    assert len(clean("a" + "\u0315\u0300" * 100_000)) <= 31
    for kept in ("Việt Nam", "שָׁלוֹם", "ภาษาไทย", "e\u0301\u0323" * 50):
        assert clean(unicodedata.normalize("NFD", kept)) == unicodedata.normalize("NFC", kept)


def test_what_is_far_too_long_is_not_cleaned_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("escdemo.intake.clean", lambda raw: pytest.fail("looked at"))
    with pytest.raises(Refusal, match=r"100,000 characters long and the limit is 20"):
        clean_within("x" * 100_000, 20)


def test_a_letter_with_marks_counts_as_one() -> None:
    text = "ệ" * 20
    assert clean_within(unicodedata.normalize("NFD", text), 20) == text


@pytest.mark.parametrize(
    "text",
    [
        "I feel really down since I lost my job",
        "ok",
        "🙂🙂",
        "no",
        "Monday again",
        "My friend says die Welt ist schlecht and I don't know what to do",
        "idk man, work sucks lol",
        "1234 !!",
    ],
)
def test_english_and_unclear_texts_pass(text: str) -> None:
    assert looks_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Ich fühle mich so allein und weiß nicht, was ich tun soll",
        "Je suis très triste parce que mon ami est parti",
        "Estoy muy triste y no tengo a nadie",
        "Sono triste perché non ho amici",
        "Estou muito triste e não tenho com quem falar",
        "Ik ben verdrietig en heb het niet verteld",
        "我今天很难过",
        "Мне очень грустно",
        "أنا حزين جدا",
    ],
)
def test_other_languages_are_noticed(text: str) -> None:
    assert not looks_english(text)
