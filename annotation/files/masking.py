"""Remove by pattern what may identify a person in a text: addresses, links, numbers, handles, introduced names.

Names are found only where somebody introduces themselves or others ("I'm Ann", "my sister Ann", "Mr Lee"), and a story
may identify a person without any name. A library that finds names with a language model takes hundreds of megabytes and
misses some as well. So read before you publish. `tests/test_masking.py` shows what is found.

>>> mask("Write to ann@example.org or call +49 30 1234567!")
'Write to [email] or call [number]!'
>>> mask("Hi, i'm Élodie, my name is ann lee")
"Hi, i'm [name], my name is [name]"
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

LIMITS = (
    "Masked are e-mail and street addresses, links, @handles, long numbers, and names after an introduction (“my name"
    " is …”, “my sister …”). Other names, and what a story gives away, are not found: read before you publish."
)
"""the note to show wherever a masked text is offered"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_STREET = (
    "street|st|road|rd|avenue|ave|lane|boulevard|blvd|crescent|terrace|square|drive|dr|court|ct|close|way|place|gardens"
)
_ENDING = "com|org|net|edu|gov|io|me|app|info|tv|gg|ly|co|eu|uk|us|ca|au|nz|ie|de|fr|es|it|nl|ch|at|in|cn|jp|br|ru"
_SITES = "insta|instagram|snap|snapchat|discord|linkedin|tiktok|telegram|skype|reddit|twitter"
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # The order matters: an address holds an @, a link may hold digits.
    ("[email]", re.compile(r"[^\s@<>(),;:]+@[^\s@<>(),;:]+\.\w{2,}")),
    (
        "[email]",
        re.compile(r"[\w.+-]+ ?[\[(] ?at ?[\])] ?[\w-]+(?: ?(?:\.|[\[(] ?dot ?[\])]) ?[\w-]+)+", re.IGNORECASE),
    ),
    ("[link]", re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE)),
    ("[link]", re.compile(rf"(?<![\w.@/-])(?:[a-z0-9-]+\.)+(?:{_ENDING})/[^\s<>\"]+", re.IGNORECASE)),
    ("[handle]", re.compile(r"(?<![\w/])@\w[\w.]*\w|(?<!\w)u/\w{3,}")),
    (
        "[handle]",
        re.compile(rf"(?i:\b(?:{_SITES})(?: (?:is|name))?:? )(?=\S*[\d#_-])\w[\w.#-]{{2,}}|\b\w{{2,32}}#\d{{4}}\b"),
    ),
    # international account numbers, and the social security numbers of the United States
    ("[number]", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b|\b\d{3}-\d{2}-\d{4}\b")),
    # Seven digits or more, as in phone, account and card numbers, but no dates; ages are shorter.
    (
        "[number]",
        re.compile(r"(?<![\w./-])(?!\d{1,4}([/.-])\d{1,2}\1\d{1,4}\b)\+?\(?\d(?:[ ()./-]{0,2}\d){6,}"),
    ),
    # 12 Maple Street, 7b Old Mill Lane; in lower case only with one word: "5 years down the road" is no address.
    ("[address]", re.compile(rf"\b\d{{1,5}}[a-z]?,? (?:[A-Z][\w'’.-]* ){{1,4}}(?i:{_STREET})\b\.?")),
    (
        "[address]",
        re.compile(
            r"\b\d{1,5}[a-z]? (?!the |a |this |that |my |more |long |other )[a-z]{3,} (?:street|road|avenue|lane)\b"
        ),
    ),
    (
        "[address]",
        re.compile(r"\b[^\W\d_]*(?:straße|strasse|str\.|gasse|allee|weg|platz) \d{1,4}[a-z]?\b", re.IGNORECASE),
    ),
    (
        "[address]",
        re.compile(
            r"\b\d{1,4},? (?:rue|via|calle|avenida|boulevard) (?:(?:de|du|des|la|della|del) )*\w+", re.IGNORECASE
        ),
    ),
    # postcodes of the United Kingdom and of the United States
    ("[address]", re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b|\b[A-Z]{2} \d{5}(?:-\d{4})?\b")),
)

_NAME = r"[^\W\d_]+(?:['’-][^\W\d_]+)*"
"""a name as one word: Ann, Jean-Luc, O'Neil, Élodie"""
_KIN = (
    "husband|wife|partner|boyfriend|girlfriend|fiancé|fiancée|ex|son|daughter|brother|sister|mother|mum|mom|father|dad"
    "|uncle|aunt|cousin|friend|flatmate|roommate|boss|manager|colleague|teacher|therapist|doctor|neighbour|neighbor|dog"
)
_MY_NAME_IS = re.compile(
    r"\b((?:my (?:full |first |last )?name is|my name['’]s|i am called|i['’]m called) )"
    rf"({_NAME}(?: {_NAME}){{0,2}})",
    re.IGNORECASE,
)
"""an introduction, then a name in upper or lower case"""
_I_AM = re.compile(
    r"\b((?i:i am|i['’]m|im|this is|it['’]s|signed|yours|named|called|call me|go by|love(?=,)|mr|mrs|ms|miss|dr|prof"
    rf"|(?:my|our|her|his) (?:{_KIN}))[.,]? )({_NAME}(?: {_NAME})?)"
)
"""an introduction, then a name with a capital"""
_NO_NAMES = _words(
    "a an the i it on in at to of my not no so and but or is was too very just still also always never only being from"
    " with by for as me you he she we they who what that this there here about after before because if when please nice"
    " hello hi ok okay yes"
)
"""words that may follow "my name is" but are no name, or end a name"""
_CAPITALS = _words(
    "Catholic Christian Muslim Jewish Hindu Buddhist Protestant American British English Irish Scottish Welsh German"
    " French Italian Spanish Dutch Polish Russian Chinese Japanese Indian Turkish Greek Mexican Canadian Australian"
    " African Asian European Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May"
    " June July August September October November December Christmas Easter God I I'm I’m I've I’ve I'll I'd The A"
    " My We He She It They But And So Not Just"
)
"""words with a capital that may follow "I'm" or "this is" but are no name"""


def mask(text: str) -> str:
    """`text` with e-mail and street addresses, links, handles, long numbers and introduced names replaced.

    The result is in Unicode's composed form, so that an accent does not split a name.
    """
    text = unicodedata.normalize("NFC", text)
    for name, pattern in _PATTERNS:
        text = pattern.sub(name, text)
    text = _MY_NAME_IS.sub(lambda found: _masked(found, _is_name), text)
    return _I_AM.sub(lambda found: _masked(found, _is_capital_name), text)


def _masked(found: re.Match[str], is_name: Callable[[str], bool]) -> str:
    """The introduction, then [name] in place of the words that are a name, then the rest."""
    words = found.group(2).split(" ")
    count = next((at for at, word in enumerate(words) if not is_name(word)), len(words))
    return found.group(1) + " ".join([*(["[name]"] if count else []), *words[count:]])


def _is_name(word: str) -> bool:
    return word.lower() not in _NO_NAMES


def _is_capital_name(word: str) -> bool:
    return word[0].isupper() and word not in _CAPITALS and not (len(word) > 1 and word.isupper())
