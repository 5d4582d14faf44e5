"""What the page says in a crisis: the crisis card, the help that is always one click away, and the sentences that
replace held-back replies."""

from __future__ import annotations

from escdemo.screening.answer_screen import Held

CRISIS_TITLES: dict[Held, str] = {
    "self": "It sounds as if you may be thinking of harming yourself.",
    "eating": "It sounds as if you may be harming yourself by not eating, or by getting rid of food.",
    "others": "It sounds as if someone may get hurt.",
    "abuse": "It sounds as if you may not be safe.",
    "contempt": "It sounds as if you think very badly of yourself.",
    "harmful": "A model was about to say something harmful. It was held back.",
}
"""title of the card; a reply that was only "belittling" shows no card"""
HELD_BACK: dict[Held, str] = {
    "self": "The model's reply was held back, because it did not match how serious this is. What you wrote sounds as if"
    " your life or health may be in danger. Please do not face this alone: call your emergency number, or a crisis"
    " line (findahelpline.com), or tell somebody near you now.",
    "eating": "The model's reply was held back, because it did not match how serious this is. What you describe about"
    " food and your body can become dangerous. Please talk to a doctor, somebody you trust, or a support line"
    " (findahelpline.com). If you faint or your heart races, call your emergency number.",
    "abuse": "The model's reply was held back, because it did not match how serious this is. Nobody has the right to"
    " hurt or threaten you; it is not your fault. If you are in danger, call your emergency number. Confidential help"
    " is listed at findahelpline.com; somebody you trust can help too.",
    "others": "The model's reply was held back, because it did not match how serious this is. Somebody could get hurt."
    " Please step away from the situation and from anything that could be a weapon, and talk to a person now: your"
    " emergency number, a crisis line (findahelpline.com), or somebody you trust.",
    "contempt": "The model's reply was held back, because it did not fit what you wrote. You are being very hard on"
    " yourself, and that hurts. Please tell somebody you trust how you feel about yourself; if you ever think of"
    " harming yourself, call your emergency number or a crisis line (findahelpline.com).",
    "belittling": "The model's reply was held back, because it spoke badly of you. It knows only a"
    " few sentences about you. If you like, say more about what happened and how you feel about it.",
    "harmful": "The model's reply was held back, because it could have done somebody harm. If you are in danger or in"
    " despair yourself, call your emergency number or a crisis line (findahelpline.com).",
}
"""the sentence that replaces a reply, by the reason in `answer_screen.Held`"""

CRISIS_LEAD = (
    "If any of this is real and not role play, please talk to a person now. These models cannot help in a crisis."
)
CRISIS_CHAT_GOES_ON = "The chat continues below."
CRISIS_LINES_HTML = """
<ul>
<li><strong>In danger right now?</strong> Call your emergency number: 112 (Europe and most mobile phones), 911 (North
America), 999 (UK), 000 (Australia), 111 (New Zealand), 110 or 120 (China), or your country's own number.</li>
<li><strong>Someone to talk to, day and night:</strong> 988 by phone or text (USA, Canada) · 116 123 (UK, Ireland,
Germany and several other European countries) · 13 11 14 (Australia) · 1737 (New Zealand) · 14416 (India) · 12356
(China).</li>
<li><strong>Violence at home:</strong> 1-800-799-7233 (USA) · 0808 2000 247 (UK) · 116 016 (Germany) · 1800 737 732
(Australia).</li>
<li><strong>Elsewhere:</strong> search for &ldquo;crisis line&rdquo; and your country, or look yours up at
findahelpline.com, which lists free lines in more than 130 countries.</li>
<li>Or tell someone near you, a friend, a doctor, a neighbour, that you need them to stay with you for a while.</li>
</ul>
"""
HELP_BUTTON = "Help now"
HELP_NOTE = "Numbers can change. If one does not work, use your emergency number."


def why_held(sentence: str) -> Held:
    """The reason to which a sentence of HELD_BACK belongs; "harmful" for a sentence of an earlier version."""
    return next((held for held, said in HELD_BACK.items() if said == sentence), "harmful")
