"""Makes what a seeker types safe to store and show: cleans it, checks its length and guesses its language.

Pure. Nothing here judges content; `screening/` does that.
"""

from __future__ import annotations

import re
import unicodedata

from models.data.dialogue import says_something

# Overrides that would reverse the text around a message. Isolates and joiners (emoji, Persian, Indic scripts) stay.
_BIDI_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e")
_MAX_MARKS = 30
_MAX_GROWTH = 4
"""most typed characters per kept character"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENGLISH = _words(
    "i you he she it we they me my your his her our their a an the and or but so because if that this these those what"
    " who how why when where is are was were be been am do does did don't have has had not no yes to of in on at for"
    " from with about can can't could would will just feel like really very know think want get been there i'm it's"
    " hi hello hey thanks thank ok okay"
)
# Function words of the most frequent other languages that are not English words too.
_OTHER = (
    _words(
        "ich du er sie wir ihr nicht und oder aber weil ist sind war der die das ein eine mit auf für mich mir habe"
        " kein je tu il elle nous vous ne pas et ou mais parce est sont le la les un une des avec que qui mon ma mes"
        " suis yo tú él ella nosotros no y o pero porque es son era el los las una con para mi mis estoy tengo"
        " muy qué io lui lei noi non e ma perché sono il lo gli una con per mio mia ho che"
        " eu você ele ela nós não mas porque são os as um uma com para meu minha estou tenho muito"
        " ik jij hij zij wij niet en maar omdat het een met voor mijn ben heb"
    )
    - _ENGLISH
)


class Refusal(ValueError):  # noqa: N818  (an answer to the user, not a fault)
    """What was typed cannot be used. The message is the sentence to show; it never quotes the text."""


def clean(raw: str | None) -> str:
    """The text without control characters and outer blanks, in Unicode's composed form; emoji and all scripts stay.

    At most 30 combining marks in a row stay, as in Unicode's stream-safe text format (UAX 15, section 13): no language
    needs more, and the time to compose them grows with the square of their number.
    """
    kept, marks = [], 0
    for letter in (raw or "").replace("\r\n", "\n").replace("\r", "\n"):
        if letter not in "\n\t" and (unicodedata.category(letter) in ("Cc", "Cs") or letter in _BIDI_OVERRIDES):
            continue
        marks = marks + 1 if unicodedata.combining(letter) else 0
        if marks <= _MAX_MARKS:
            kept.append(letter)
    text = unicodedata.normalize("NFC", "".join(kept))
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def clean_within(raw: str | None, limit: int) -> str:
    """`clean(raw)`. Raises Refusal above `limit` characters; far longer text is refused without being read."""
    size = len(raw or "")
    # Composing turns a letter and its marks into one character.
    if size <= limit * _MAX_GROWTH:
        text = clean(raw)
        size = len(text)
        if size <= limit:
            return text
    raise Refusal(
        f"This is {size:,} characters long and the limit is {limit:,}. "
        "Nothing was sent and your text is still in the box: please shorten it."
    )


def check_length(text: str, limit: int, what: str) -> str:
    """The cleaned text. Raises Refusal when it is empty or longer than `limit` characters."""
    text = clean_within(text, limit)
    if not says_something(text):
        raise Refusal(f"Please write {what} first; it is still empty.")
    return text


def looks_english(text: str) -> bool:
    """False when the text is clearly in another language or script; short or unclear texts count as English.

    A simple rule, not a language detector: first the share of non-Latin letters, then function words.
    """
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return True
    latin = sum("LATIN" in unicodedata.name(letter, "") for letter in letters)
    if latin < len(letters) / 2:
        return False
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text.lower().replace("’", "'"))
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHER for word in words)
    return other < 2 or english >= other
