"""HTML of the page: everything typed or generated is text, every state says what it is."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escdemo import texts
from escdemo.look import render
from escdemo.look.render import Exchange, ReplyShown


class Reader(HTMLParser):
    """Collects tags and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(st.text(), st.text(), st.text())
def test_no_text_ever_becomes_a_tag(post: str, reply: str, name: str) -> None:
    talk = [Exchange(post, (ReplyShown("done", reply, "Question"), ReplyShown("thinking")))]
    harmless = [Exchange("x", (ReplyShown("done", "x", "Question"), ReplyShown("thinking")))]
    assert Reader(render.panel(0, name, talk)).tags[:8] == Reader(render.panel(0, "x", harmless)).tags[:8]
    assert set(Reader(render.panel(0, name, talk)).tags) <= {
        "section",
        "header",
        "span",
        "h3",
        "div",
        "bdi",
    }


def test_a_message_reads_as_it_was_typed() -> None:
    text = "<b>x</b> & \"quotes\" 'too' ${7*7} {{x}} مرحبا 🙂\nsecond line"
    page = render.panel(1, "misc", [Exchange(text, (ReplyShown("done", "a"), ReplyShown("done", text)))])
    assert Reader(page).text.count(text) == 2
    assert page.count('dir="auto"') == 2


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (ReplyShown("waiting", ahead=2), "waiting: 2 before you"),
        (ReplyShown("waiting", ahead=2, expected_s=0.2), "waiting: 2 before you, about 1 second"),
        (ReplyShown("waiting", ahead=9, expected_s=41.7), "waiting: 9 before you, about 42 seconds"),
        (ReplyShown("waiting", ahead=60, expected_s=270.0), "waiting: 60 before you, about 4 minutes"),
        (ReplyShown("thinking"), texts.THINKING),
        (ReplyShown("writing", "I hear"), "I hear"),
        (ReplyShown("held"), texts.HELD),
        (ReplyShown("stopped"), texts.STOPPED),
        (ReplyShown("failed"), texts.FAILED),
        (ReplyShown("done", "I hear you.", "Question"), "Question"),
    ],
)
def test_each_state_of_a_reply_says_what_it_is(reply: ReplyShown, words: str) -> None:
    page = render.panel(0, "joint", [Exchange("Hello", (reply, reply))])
    assert words in Reader(page).text
    assert ("esc-dots" in page) is reply.open


def test_the_crisis_card_names_an_emergency_number_and_unfolds_anew() -> None:
    first, second = render.crisis_card(("self", 0)), render.crisis_card(("self", 2))
    assert "112" in first
    assert first != second
    assert render.crisis_card(None) == ""


def test_the_csv_link_holds_the_data_itself() -> None:
    data = render.csv_text(["a", "b"], [['say "hi"', "1,5"], ["ü\nx", 2]])
    link = re.search(r"base64,([\w+/=]+)", render.save_bar("", "name", data))
    assert link
    assert base64.b64decode(link[1]).decode() == data
    assert data.startswith("a,b\r\n")


def test_the_head_of_a_net_tells_what_it_does_and_of_nobody_else_anything() -> None:
    assert 'title="MISC: Asks what the seeker may feel' in render.panel(0, "misc", [])
    assert "title=" not in render.panel(0, "Supporter A", [])
