# ruff: noqa: E501  (a phrase broken over two lines is harder to check than a long one)
"""Screens replies that must never be shown: ways to harm oneself, advice to hurt oneself or others, contempt and blame.

It ignores what was said before; `answer_screen` judges message and reply together. Pure, phrase-level, for English that
addresses the seeker as "you". Questions ("Do you think of hurting yourself?") and warnings ("Please do not hurt
yourself") are what a good supporter says, and pass. A way to die is held back whatever is said around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_PERSON = (
    r"(?:him|her|them|someone|somebody|everyone|everybody|people|your (?:ex-)?(?:husband|wife|partner|boyfriend|girlfriend|ex|dad"
    r"|father|mom|mum|mother|parents?|brother|sister|boss|friends?|neighbou?rs?|roommate|flatmate|teacher|colleagues?|coworkers?"
    r"|kids?|child|children|son|daughter|family|baby))\b"
)
_MUST = (
    r"(?:\byou(?: (?:should|must|ought to|need to|have to|had better|better)|'d better)"
    r"|\byou (?:can|could|may|might)(?= (?:just|always|simply|also|still))|\bwhy (?:don't|do not) you|\bwhy not"
    r"|\byou have (?:every|the|a) right to|\b(?:i|we) (?:want|would like|urge|advise|told|recommend) you to"
    r"|\bit(?:'s| is| would be|'d be) (?:best|better|ok|okay|fine|good|right|time)(?: for you)? to)"
    r"(?: (?:just|really|simply|always|also|still|probably|maybe|definitely|try to|go ahead and|go and|go))?"
)
_DO = r"(?:^|[.!?;:\n] ?|\b(?<!you )(?<!n't )(?<!not )(?:just|go|go ahead and|go and|please|simply) )"
"""where a request begins: "Hurt ...", "please hurt ...", "just hurt ..." """
_TOLD = rf"(?<!n't think )(?<!not think )(?:{_MUST} |{_DO})"
_IDIOM_SELF = (
    r"(?! (?:out\b|some slack|off\b|short|free|loose|(?:a|another) (?:break|piece|slice|coffee)|in the foot|laughing))"
)

_METHODS = (
    r"\b(?:hang|hanging|shoot|shooting|electrocute|suffocate|suffocating|strangle|stab|stabbing|gas) yourself\b(?! (?:in the foot|out\b|a\b))",
    r"\bdrown(?:ing)? yourself\b(?! in (?:work|tasks|music|tv|sorrows?))",
    r"\b(?:slit|slitting|slash|slashing|cut|cutting|slice|slicing) your (?:\w+ )?(?:wrists?|throat|veins?|thighs?)\b",
    r"\boverdos(?:e|ing) on\b(?! (?:coffee|caffeine|sugar|chocolate|news|social|information|screens?|work|tv))|\btake an overdose\b",
    r"\b(?:take|taking|swallow|swallowing|down|downing) (?:all (?:of )?(?:your|the|those)|a (?:whole )?(?:bottle|handful|box|pack) of|too many)"
    r" (?:\w+ )?(?:pills|tablets|meds|medications?|painkillers)\b(?! (?:as|on time|every|daily|regularly|like))",
    r"(?<!bungee )\bjump(?:ing)? (?:off|from|in front of|out of) (?:a|an|the|your|that) (?:\w+ )?(?:bridge|roof|rooftop|building|cliff|balcony|train|truck|bus|window)\b",
    r"\b(?:step|stepping|walk|walking|throw yourself|throwing yourself) (?:in front of|under) (?:a|an|the) (?:\w+ )?(?:train|truck|bus|car)\b",
    r"\b(?:noose|rope) (?:around|round) your neck\b|\btie a noose\b|\b(?:gun|pistol) (?:to|in|against) your (?:head|mouth|temple)\b",
    r"\b(?:drive|driving|crash|crashing) (?:your|the) car (?:off|into) (?:a|an|the)\b",
)
_TOLD_SELF = (
    rf"{_TOLD}(?:kill|hurt|harm|cut|burn|poison|starve|unalive|punish) yourself\b{_IDIOM_SELF}",
    rf"{_TOLD}(?:end it all|end your (?:own )?life|take your (?:own )?life(?! (?:back|into|in ))|commit suicide|stop living|give up (?:on life|living)|drop dead)\b",
    rf"{_TOLD}die\b(?! (?:down|out|hard|of|from|laughing|trying))",
    r"(?<!n't think )(?<!not think )\byou (?:deserve|are going|ought|are meant) to (?:die|be dead|suffer)\b",
)
_WORTHLESS = (
    r"\byou(?: would|'d| are|'re|'ll| will)? (?:be )?better off dead\b",
    r"\b(?:world|everyone|everybody|they|people|family|others|friends|kids|children) (?:would|will|'d|'ll) be (?:much |far )?(?:better off|happier) (?:without you\b|if you (?:were (?:dead|gone)|died))",
    r"\b(?:better|best) (?:for \w+ )?if you (?:were dead|were gone|died|killed yourself|ended (?:it all|your life))\b",
    r"\b(?:nobody|no one) (?:would|will) (?:miss you\b|care if you (?:died|were dead|were gone|die))",
    r"\bsuicide (?:is|would be|may be|might be|could be) (?:the|a|an|your|one|probably) (?!permanent )(?:\w+ )?(?:option|answer|solution|way|choice|idea)\b",
)
_TOLD_OTHERS = (
    rf"{_TOLD}(?:kill|murder|stab|shoot|strangle|choke|poison|hurt|hit|punch|slap|kick|beat up|attack) {_PERSON}"
    r"(?! (?:up\b|an? |with (?:kindness|love|a|the|your)|back (?:up|to|with)|in (?:chess|the game)|hurt\b|feelings)|'s? feelings)",
)
_CONTEMPT = (r"\bwhat(?:'s| is| was) (?:wrong|the matter) with you\b",)
_OPINION = (
    r"(?:^|[.!?;:,] ?|\b(?:yes|and|so|but|(?<!you )(?:think|believe|guess|suppose|agree)(?: that)?) )"
    r"(?:(?:yes|maybe|perhaps|clearly|honestly|probably|in part) )?"
)
"""where the writer's own opinion begins: "It was ...", "I think it was ...", not "you think it was ...\""""
_BLAME = (
    rf"{_OPINION}(?:it|this|that)(?:'s| is| was) (?!not |never |hardly )(?:\w+ ){{0,2}}your (?:own )?fault\b",
    rf"{_OPINION}you(?:'re| are| were) (?!not |never )(?:\w+ )?(?:to blame|at fault)\b",
    r"\byou (?:only have|have only|can only|have nobody but) (?:blame )?yourself to blame\b|\byou can only blame yourself\b",
    r"\byou (?:brought|did) (?:this|that|it) (?:on|to) yourself\b",
)
"""phrases of blame; they count unless denied: "I do not think that it was your fault\""""
_BADLY = r"(?:(?:just|only|really|so|such|quite|simply|always|totally?|completely?|an?|the|bit|little|kind|of|nothing|but) ){0,5}"
_LOW = (
    rf"\byou(?:'re| are| were) {_BADLY}(?:failure|loser|idiot|fool|burden|disappointment|disgrace|fraud|coward|monster|waste|stupid"
    r"|dumb|pathetic|worthless|useless|ugly|disgusting|unlovable|good for nothing)\b(?! (?:of time|to (?:think|believe)))",
    rf"\byou(?:'re| are| were) {_BADLY}(?:bad|terrible|awful|horrible|rotten|lousy|worst|evil) (?:mother|mom|mum|father|dad|parent"
    r"|person|human|friend|daughter|son|wife|husband|partner|sister|brother|teacher|nurse|doctor|student)\b",
    r"\byou(?:'ve| have)? (?:did|done) something (?:\w+ )?(?:awful|terrible|horrible|unforgivable|evil|disgusting)\b",
    r"\byou(?:'ve| have)? (?:ruined|destroyed|wrecked) (?:everything|it all|your|his|her|their)\b",
)
"""what people say about themselves in contempt, repeated as if it were true"""
_SEEKERS_VIEW = re.compile(
    r"(?<!\bi )(?<!\bi'm )(?<!\bi am )(?<!\bi can )(?<!\bi do )\b(?:feel|felt|feels|feeling|think|thought|thinks|thinking|believe|believes|say|said|says|saying|tell|told|tells|telling"
    r"|call|called|calls|claims?|worry|worried|worrying|fear|afraid|scared|wonder|wondering|convinced|see|sure|makes?|made)\b"
    r"|\bas (?:if|though)\b|\bif you\b"
)
"""earlier in the sentence: the opinion is somebody else's, not the writer's ("you feel that you are a failure")"""
_SAID_OF_ITSELF = (
    r"\b(?:kill|killing|hang|hanging|cut|cutting|harm|harming) myself\b(?! (?:laughing|off|some|short|free|a\b))",
)
"""the net goes on in the seeker's voice"""
_DENIED = re.compile(r"\b(?:not|never|false|untrue|a lie|wrong|doubt|whether)\b|n't\b")


def _compiled(phrases: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(phrase) for phrase in phrases)


_ALWAYS = _compiled((*_METHODS, *_TOLD_SELF, *_TOLD_OTHERS, *_CONTEMPT, *_SAID_OF_ITSELF))
_UNLESS_DENIED = _compiled((*_WORTHLESS, *_BLAME))
_UNLESS_THE_SEEKERS = _compiled(_LOW)


def _plain(text: str) -> str:
    """The text in the spelling of these phrases: lower case, straight apostrophes, single blanks."""
    return " ".join(text.lower().replace("’", "'").replace("‘", "'").replace("`", "'").split())


def must_not_show(reply: str) -> bool:
    """Whether the reply harms or belittles."""
    return harms(reply) or belittles(reply)


def harms(reply: str) -> bool:
    """Whether the reply names a way to harm oneself, tells the seeker to hurt themselves or others, asks what is wrong
    with them, says that they are to blame or better dead, or says that it harms itself."""
    plain = _plain(reply)
    if any(pattern.search(plain) for pattern in _ALWAYS):
        return True
    return any(not _DENIED.search(before) for before in _before(_UNLESS_DENIED, plain))


def belittles(reply: str) -> bool:
    """Whether the reply repeats, as if it were true, what people say about themselves in contempt."""
    before = _before(_UNLESS_THE_SEEKERS, _plain(reply))
    return any(not (_DENIED.search(said) or _SEEKERS_VIEW.search(said)) for said in before)


def _before(patterns: tuple[re.Pattern[str], ...], plain: str) -> Iterator[str]:
    """The text before each phrase that is found, within its sentence."""
    for pattern in patterns:
        for found in pattern.finditer(plain):
            yield re.split(r"[.!?]", plain[: found.start()])[-1]
