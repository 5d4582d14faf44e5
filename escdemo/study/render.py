"""HTML of the study page: pure functions from the store's values to text. Everything that was written is escaped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from annotation.choices import Preference
from annotation.studies.live_views import TalkView
from annotation.studies.study_views import AnswerView, Brief, Line, OwnProgress, ReviewView, TaskView, VoteCount
from annotation.studies.task_projection import PLACES
from escdemo import sent_away
from escdemo.look import render
from escdemo.look.render import escape
from escdemo.study import texts
from escdemo.texts import VOTES


def item(situation: str, context: Sequence[Line], replies: Sequence[Sequence[Line]]) -> str:
    """One item: what was said so far, then each reply in its own panel, by place."""
    live = any(len(reply) > 1 for reply in replies)
    about = f'<div class="esc-situation"><bdi dir="auto">{escape(situation)}</bdi></div>' if situation else ""
    said = "".join(_line(line, "esc-before") for line in context)
    heading = texts.OPENING if live else texts.SO_FAR
    before = (
        f'<h2 class="esc-h2">{heading}</h2>'
        f'<div class="esc-panel"><div class="esc-log esc-context" role="log" aria-live="off" aria-label="{heading}" '
        f'tabindex="0">{said}</div></div>'
    )
    panels = "".join(_reply(place, reply) for place, reply in zip(PLACES, replies, strict=False))
    title = (texts.TALKED if context else texts.WHOLE_TALK) if live else texts.REPLIED
    return f'{about}{before if context else ""}<h2 class="esc-h2">{title}</h2><div class="esc-replies">{panels}</div>'


def role_card(situation: str, talk: TalkView) -> str:
    """The person to play in a live item."""
    line = render.situation_line(situation, talk.emotion_type, talk.problem_type)
    least = texts.TALK_LEAST.format(least=talk.least)
    return f'<h2 class="esc-h2">{texts.ROLE_TITLE}</h2><p class="esc-hint">{texts.ROLE_HINT} {least}</p>{line}'


def supporter(place: str) -> str:
    """The title of the reply at a place, such as "Supporter A"."""
    return texts.SUPPORTER.format(letter=place.upper())


def _reply(place: str, lines: Sequence[Line]) -> str:
    name = supporter(place)
    said = "".join(_line(line, "esc-supporter") for line in lines)
    return (
        f'<section class="esc-panel esc-side-{place}" aria-label="{name}"><header class="esc-panel-head">'
        f'<span class="esc-badge" aria-hidden="true">{place.upper()}</span><h3>{name}</h3></header>'
        f'<div class="esc-log esc-context" tabindex="0" role="group" aria-label="{name}">{said}</div></section>'
    )


def _line(line: Line, supporter_class: str) -> str:
    if line.speaker == "talk":  # for a reviewer, several raters' talks follow one another
        return f'<p class="esc-note">{escape(line.text)}</p>'
    seeker = line.speaker == "seeker"
    kind, who = ("esc-seeker", "Seeker") if seeker else (supporter_class, "Supporter")
    text = f'<bdi dir="auto">{escape(line.text)}</bdi>'
    return f'<div class="esc-msg {kind}"><span class="esc-sr">{who}: </span>{text}</div>'


def progress(task: TaskView, own: OwnProgress) -> str:
    """The rater's progress, as a bar and in words."""
    words = texts.PROGRESS_DONE if task.state == "done" else texts.PROGRESS
    said = words.format(ordinal=task.ordinal, done=own.done, expected=own.expected)
    return (
        f'<div class="esc-progress"><progress max="{max(1, own.expected)}" value="{own.done}" '
        f'aria-label="Progress"></progress><span>{said}</span></div>'
    )


def saved(at: datetime | None, missing: Sequence[str], closed: bool = False) -> str:
    """What is stored of an item, and when; the script shows the time in the reader's time zone."""
    if closed:
        return render.notice(texts.READ_ONLY)
    left = texts.LEFT.format(missing=", ".join(missing)) if missing else texts.COMPLETE
    if at is None:
        return f'<p class="esc-status" role="status">{texts.NOT_SAVED_YET} {escape(left)}</p>'
    return f'<p class="esc-status" role="status">{texts.SAVED_AT} {render.clock(at)} · {escape(left)}</p>'


def consent(brief: Brief, hosts: Sequence[str] = ()) -> str:
    """The study's own consent text, or the general one. `hosts`: the servers that live talks may be sent to."""
    own = "".join(f"<p>{escape(part)}</p>" for part in brief.consent.splitlines() if part.strip())
    usual = texts.CONSENT_LIVE_HTML if brief.live else texts.CONSENT_HTML
    away = sent_away.notice(hosts, study=True) if brief.live else ""
    again = sent_away.changed(hosts) if brief.consented else ""
    return f'<div class="esc-text"><h2>{texts.CONSENT_TITLE}</h2>{again}{own or usual}</div>{away}'


def guide(brief: Brief) -> str:
    """The study's instructions, then how the page works, then the questions."""
    own = "".join(f"<p>{escape(part)}</p>" for part in brief.instructions.splitlines() if part.strip())
    asked = "".join(f"<li><strong>{escape(one.name)}</strong>: {escape(one.question)}</li>" for one in brief.criteria)
    how = texts.GUIDE_PAIRS if brief.pairwise else texts.GUIDE_SCORES
    keys = texts.GUIDE_KEYS_PAIRS if brief.pairwise else texts.GUIDE_KEYS_SCORES
    how = _guide_live(brief) if brief.live else f"<p>{how}</p>"
    return f"{own}{how}<ul>{asked}</ul><p>{texts.GUIDE_SAVED} {keys}</p>"


def _guide_live(brief: Brief) -> str:
    turn = {Preference.OWN: texts.GUIDE_OWN, Preference.PREFERRED: texts.GUIDE_PREFERRED}.get(brief.turn_preference, "")
    return f"<p>{texts.GUIDE_LIVE.format(least=brief.min_turns)} {turn}</p><p>{texts.GUIDE_AFTER}</p>"


def guide_box(brief: Brief) -> str:
    """The instructions as their own step."""
    return f'<div class="esc-text"><h2>{texts.GUIDE_TITLE}</h2>{guide(brief)}</div>'


def guide_fold(brief: Brief) -> str:
    """The instructions, folded, above an item."""
    return (
        f'<details class="esc-guide"><summary>{texts.GUIDE_TITLE}</summary>'
        f'<div class="esc-text">{guide(brief)}</div></details>'
    )


def answer_labels(brief: Brief) -> tuple[tuple[str, str], ...]:
    """(label, value) of the possible answers to a question."""
    return VOTES if brief.pairwise else tuple((score, score) for score in brief.answers)


def question_label(criterion: str, place: str | None) -> str:
    """The label of a question: "Empathy", or "Empathy · Supporter B"."""
    return criterion if place is None else f"{criterion} · {supporter(place)}"


def votes(view: ReviewView, brief: Brief) -> str:
    """The raters' votes beside the reviewer's own verdict; neither raters nor systems are named."""
    labels = {value: label for label, value in answer_labels(brief)}
    own = {(one.criterion, one.place): one.value for one in view.own}
    head = ["Question", *labels.values(), texts.VOTES_MAJORITY, texts.VOTES_OWN]
    rows = [_vote_row(count, own, labels) for count in view.votes]
    why = texts.IN_SAMPLE if view.in_sample else texts.FOR_MAJORITY
    return render.table(head, rows, f"{texts.VOTES_TITLE}. {why}")


def decisions(view: ReviewView) -> tuple[tuple[str, str], ...]:
    """(label, value) of the possible decisions; confirming is offered only if a question has a majority."""
    known = sum(count.majority is not None for count in view.votes)
    if not known:
        return texts.DECISIONS[1:]
    confirm = texts.DECISIONS[0] if known == len(view.votes) else (texts.CONFIRM_SOME, "confirm")
    return (confirm, *texts.DECISIONS[1:])


def _vote_row(count: VoteCount, own: dict[tuple[str, str | None], str], labels: dict[str, str]) -> list[str]:
    majority = texts.NO_MAJORITY if count.majority is None else labels[count.majority]
    mine = own.get((count.criterion, count.place))
    cells = [str(number) for _, number in count.counts]
    return [question_label(count.criterion, count.place), *cells, majority, labels.get(mine or "", "")]


def who(name: str, role: str, brief: Brief) -> str:
    """The member's name, role and study, which they need to sign in elsewhere."""
    said = texts.ACCOUNT_WHO.format(
        name=f"<strong>{escape(name)}</strong>", role=escape(role), study=f"<strong>{escape(brief.name)}</strong>"
    )
    hint = texts.ACCOUNT_PASSWORD if brief.passwords else texts.ACCOUNT_LINK
    return f'<p class="esc-hint">{said} {hint}</p>'


def given(answers: Sequence[AnswerView]) -> dict[tuple[str, str | None], str]:
    """Answers by question."""
    return {(one.criterion, one.place): one.value for one in answers}


def links(invitations: Sequence[tuple[str, str, str]], note: str) -> str:
    """(pseudonym, role, token) as links; the script shows their full address."""
    rows = "".join(
        f'<li><strong>{escape(name)}</strong> ({escape(role)}): <a class="esc-link" href="?invite={escape(token)}">'
        f'?invite={escape(token)}</a> <button type="button" class="esc-save esc-copy">{texts.COPY}</button></li>'
        for name, role, token in invitations
    )
    return f'{render.notice(note, "good")}<ul class="esc-links">{rows}</ul>'


def own_link() -> str:
    """How a lead can come back. Hidden until the script finds that the tab keeps an invitation link."""
    return (
        f'<p class="esc-hint esc-own-link" hidden>{texts.OWN_LINK} '
        f'<button type="button" class="esc-save esc-copy">{texts.COPY_OWN}</button></p>'
    )
