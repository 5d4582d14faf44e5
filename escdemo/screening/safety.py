# ruff: noqa: E501  (a phrase broken over two lines is harder to check than a long one)
"""A local screen for messages that suggest danger, so that the crisis card shows by itself. Pure, phrase-level.

It looks for whole phrases, because single words give false alarms ("dying to know", "killing it", "career suicide").
It is no diagnosis and misses much; the card is one click away at any time for that reason. English, with a few plain
phrases of other languages.
"""

from __future__ import annotations

import re
from typing import Literal

Danger = Literal["self", "others", "abuse"]

_KIN = (
    r"(?:my (?:\w+ |ex-)?(?:husband|wife|partner|boyfriend|girlfriend|bf|gf|ex|fiancee?|dad|father|stepdad|stepfather|mom|mum"
    r"|mother|stepmom|stepmother|brother|sister|uncle|aunt|cousin|grandfather|boss|teacher|coach|roommate|flatmate|son"
    r"|parents?)|he|she|they)"
)
_ME = r"(?:me|us|my (?:kids?|children|child|son|daughter|baby|mom|mum|mother|sister|brother))"

_SELF = (
    r"\b(?:kill|killing|hang|hanging|shoot|shooting|drown|drowning|poison|poisoning|harm|harming|starve|starving|burn"
    r"|burning) my ?self\b(?! laughing| with (?:work|overtime)| (?:trying )?to (?:finish|meet|get))",
    r"\b(?:hurt|hurting) my ?self\b(?! (?:(?:while )?(?:playing|running|lifting|skiing|climbing|falling|exercising|jogging"
    r"|training|cooking)|at (?:the gym|work|practice)|by accident|accidentally))",
    r"\b(?:cut|cutting) my ?self\b(?! (?:some slack|off|short|shaving|(?:while )?(?:shaving|cooking|chopping|slicing)"
    r"|(?:a|another) (?:break|piece|slice)|on (?:a|the)|by accident|accidentally|loose|free))",
    r"\b(?:end|ending|take|taking) my (?:own )?life\b(?! (?:back|seriously|in (?:a|my|to|the)|one|with (?:him|her|them)))",
    r"\bend(?:ing)? it all\b",
    r"\b(?<!career )(?<!political )(?<!social )(?<!financial )(?<!commercial )(?<!professional )suicid(?:e|al)\b"
    r"(?! (?:squad|sprints?|doors?|prevention (?:course|training|class|week|day)|run))",
    r"\bunalive\b|\bkms\b|\bself[- ]?harm(?:ing|ed|s)?\b",
    r"\b(?:want|wanna|wanted|ready|trying|going|plan|planning) (?:to )?die\b(?! (?:of|from) (?:embarrassment|shame|laughter"
    r"|laughing|boredom|cringe)| laughing| for| on (?:a|the|this) hill)",
    r"\b(?:wish|wished|wishing) (?:that )?i (?:was|were) (?:dead|never born|not alive|not here anymore)\b",
    r"\bwish (?:that )?i (?:had never been|had not been|hadn't been|was never|were never) born\b",
    r"\b(?:better off|rather be|be better) (?:dead|if i (?:was|were) dead|if i died)\b",
    r"\b(?:better off|happier) (?:without me\b|if i (?:was|were)(?: not|n't) (?:here|around|alive))",
    r"\b(?:do not|don't|dont|didn't|no longer|never) (?:really )?(?:want to|wanna|wish to) (?:live|exist|be alive|wake up)\b"
    r"(?! (?:in|with|at|near|here|there|alone|together|like|by|on|under|so|early|before|for|up|my|the|him|her|them|anyone))",
    r"\b(?:do not|don't|dont|no longer) (?:want to|wanna) be (?:here|around|in this world|on this earth) ?(?:any ?more|any "
    r"longer)\b",
    r"\bno longer want to be (?:here|around|alive)\b",
    r"\b(?:no|any|a) (?:reason|point|will|purpose) (?:to|in|for) (?:live|living|go on|being alive|staying alive)\b",
    r"\b(?:nothing|not much) (?:left )?to live for\b|\b(?:life is|isn't|is not|not) worth living\b",
    r"\b(?:can't|cannot|can not|cant|couldn't) (?:go on|keep going|do this|live)(?: like this)?(?: living)? (?:any ?more|any "
    r"longer)\b.{0,60}\b(?:end|die|over|goodbye|sleep forever)\b",
    r"\bcan(?:'t|not| not|t) go on (?:living|any longer|anymore|any more)\b",
    r"\b(?:tired|sick) of (?:living|being alive|life itself)\b(?! (?:in|with|at|here|alone|like|on|by|under))",
    r"\b(?:hope|hoping|wish|pray) (?:that )?i (?:do not|don't|dont|never|won't|could not|would not|wouldn't)(?: ever)? wake up"
    r"\b(?! (?:late|early|so|at|before|with))",
    r"\b(?:took|take|taken|taking|swallow|swallowed|swallowing) (?:too many|all (?:of )?(?:my|the|his|her)|a (?:whole )?bottle"
    r" of|a handful of) (?:\w+ )?(?:pills|tablets|meds|medication|painkillers)\b",
    r"\b(?:want|going|thinking|thought|think|plan|planning|tempted|trying|wanted) .{0,20}\boverdos(?:e|ing)\b",
    r"\b(?:jump|jumping|throw myself|throwing myself|step|stepping) (?:off|from|in front of|under|into) (?:a|an|the) (?:\w+ )?"
    r"(?:bridge|roof|rooftop|building|cliff|balcony|train|truck|car|bus|traffic)\b",
    r"\b(?:slit|slitting|cut|cutting) my (?:wrists?|arms?|thighs?|veins?)\b(?! (?:by accident|accidentally|on (?:a|the)))",
    r"\bmy (?:suicide|goodbye) (?:note|letter)\b",
    # The same in languages that a visitor may fall back to when it matters.
    r"\b(?:selbstmord|suizid|mich umbringen|nicht mehr leben|will sterben)\b",
    r"\b(?:suicidarme|quiero morir|quitarme la vida|no quiero vivir|matarme)\b",
    r"\b(?:me suicider|envie de mourir|veux mourir|me tuer|plus envie de vivre)\b",
    r"自杀|自殺|想死|不想活",
)

_OTHERS = (
    r"\b(?:want|wants|going|gonna|plan|planning|planned|intend|ready|about) (?:to )?(?:kill|murder|stab|shoot|strangle)"
    r" (?:him|her|them|someone|somebody|people|everyone|everybody|my (?!self\b)\w+)\b"
    r"(?! (?:with kindness|off in|in (?:the|this) (?:game|match|story|book)|time|hours?|mood|vibe|phone|battery|plants?))",
    r"\b(?:want|going|gonna|plan|planning) to (?:hurt|harm) (?:someone|somebody|people|him|her|them)\b(?!'s| feelings)",
    r"\b(?:thoughts?|thinking|fantasi[sz]e|fantasi[sz]ing|dream|dreaming) (?:of|about) (?:killing|murdering|stabbing|shooting)"
    r" (?:him|her|them|someone|people|everyone|my (?!time)\w+)\b",
)

_ABUSE = (
    rf"\b{_KIN} (?:\w+ )?(?:hits?|hitting|slaps?|slapped|punche[sd]|punching|kick(?:s|ed)|chok(?:es|ed)|strangl(?:es|ed)"
    rf"|rap(?:es|ed)|molest(?:s|ed)|threw things at|abus(?:es|ed)) {_ME}\b"
    r"(?! (?:up|with (?:a |the |some )?(?:question|news|bill|truth|idea|message|invoice)))",
    rf"\b{_KIN} (?:\w+ )?beats? {_ME}\b(?! (?:at|to|in (?:a|an|the|every|our|this|that|chess)|on points|by))",
    rf"\b{_KIN} (?:has been|is|keeps|was|were|are) (?:hitting|beating|abusing|molesting|choking|threatening|stalking|hurting)"
    rf" {_ME}\b(?! (?:at|to) (?:chess|cards|games?))",
    rf"\b(?:threatens?|threatened|threatening|swore|said|says) (?:that )?(?:to|he will|he'll|she will|she'll|he would|she would"
    rf"|they will|they'll|he is going to|he's going to) (?:kill|hurt|beat|stab|shoot) {_ME}\b",
    r"\b(?:afraid|scared|terrified|worried) (?:that )?(?:he|she|they|my \w+)(?:'ll| will| would| might| is going to|'s going to)"
    r" (?:kill|hurt|beat|hit|stab|shoot) (?:me|us|my (?:kids|children))\b",
    r"\bi(?: was| am|'m| have been|'ve been| got) (?:being )?(?:raped|molested|sexually (?:abused|assaulted)|abused|beaten"
    r"|assaulted|stalked|strangled|held against my will)\b(?! (?:at|in) (?:chess|cards|the (?:game|match|race|final)))",
    r"\b(?:not|never|don't feel|do not feel|isn't) safe (?:at home|in my (?:own )?(?:home|house|flat|apartment)|with (?:him|her))\b",
    r"\b(?:scared|afraid|terrified) to go (?:back )?home\b|\bfear(?:ing)? for my (?:life|safety)\b|\bafraid for my life\b",
    r"\b(?:i am|i'm|we are|we're) in (?:\w+ )?danger\b(?! of)",
    r"\bforced me to (?:have sex|touch|do sexual)|\bdomestic (?:violence|abuse)\b(?! (?:course|training|class|shelter where i work))",
)


def _compiled(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(phrase) for phrase in phrases)


_PATTERNS: dict[Danger, tuple[re.Pattern[str], ...]] = {
    "self": _compiled(_SELF),
    "others": _compiled(_OTHERS),
    "abuse": _compiled(_ABUSE),
}


def plain_text(text: str) -> str:
    """The text as the phrases here spell it: lower case, straight apostrophes, single blanks."""
    return " ".join(text.lower().replace("’", "'").replace("‘", "'").replace("`", "'").split())


def screen(text: str) -> Danger | None:
    """The kind of danger the text suggests: to oneself, to others, from others; None when no phrase matches."""
    plain = plain_text(text)
    for danger, patterns in _PATTERNS.items():
        if any(pattern.search(plain) for pattern in patterns):
            return danger
    return None
