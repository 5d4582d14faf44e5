"""HTML of the lead's tabs: pure functions from the store's values to escaped text. They name the systems."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.choices import Role, StudyKind
from annotation.studies.item_import import Imported
from annotation.studies.study_views import MemberView, RaterQuality, StudyView, TeamProgress
from escdemo.look import render
from escdemo.look.render import escape
from escdemo.study import texts
from escdemo.study.item_making import Making

MAX_WARNINGS = 20


def overview(
    study: StudyView, team: TeamProgress, people: Sequence[MemberView], quality: Sequence[RaterQuality]
) -> str:
    """State, plan, progress of the study and of each rater, and what stands out."""
    return render.notice(texts.STATES[study.state]) + _progress(team) + _raters(people, quality) + _plan(study)


def _progress(team: TeamProgress) -> str:
    rows = [
        ("Items with all their judgments", f"{team.complete} of {team.items}"),
        ("Judgments handed in", f"{team.judgments_done} of {team.judgments_needed}"),
        ("Items in work now", str(team.active)),
        ("Reviews", f"{team.reviewed} done, {team.to_review} waiting"),
    ]
    return render.table(("Progress", ""), rows, "Main items; gold, onboarding and duplicated ones come on top")


def _raters(people: Sequence[MemberView], quality: Sequence[RaterQuality]) -> str:
    found = {one.rater: one for one in quality}
    rows = [_member(one, found.get(one.pseudonym)) for one in people if one.role is not Role.LEAD]
    if not rows:
        return render.notice(texts.NO_RATERS)
    head = (
        "Member",
        "State",
        "Handed in",
        "Seconds",
        "Too fast",
        "First shown",
        "Known answers",
        "Alike when swapped",
    )
    flags = [f"<li><strong>{escape(one.rater)}</strong> · {escape(flag)}</li>" for one in quality for flag in one.flags]
    below = f'<ul class="esc-findings esc-flags">{"".join(flags)}</ul>' if flags else ""
    return render.table(head, rows, texts.RATERS_CAPTION) + below + f'<p class="esc-hint">{texts.FLAGS_NOTE}</p>'


def _member(member: MemberView, found: RaterQuality | None) -> tuple[str, ...]:
    state = "invited" if member.consented_at is None else "takes part"
    state = "on a break" if member.break_since is not None else state
    state = "revoked" if member.revoked_at is not None else state
    state = state if member.withdrew is None else f"withdrew ({member.withdrew} items deleted)"
    name = f"{member.pseudonym} ({texts.ROLES[member.role]})"
    if found is None:
        return (name, state, *[""] * 6)
    return (
        name,
        state,
        str(found.items),
        "" if found.median_seconds is None else f"{found.median_seconds:.0f}",
        str(found.too_fast),
        _of(found.first_picked, found.decided),
        _of(found.gold_right + found.onboarding_right, found.gold_answers + found.onboarding_answers),
        _of(found.same_on_duplicates, found.duplicate_answers),
    )


def _of(part: int, whole: int) -> str:
    return f"{part} of {whole}" if whole else ""


def _plan(study: StudyView) -> str:
    plan = study.plan
    pairs = "all" if plan.pairs_per_context is None else str(plan.pairs_per_context)
    rows = [
        ("Systems", ", ".join(plan.systems)),
        ("Questions", f"{plan.rubric.name} ({', '.join(plan.rubric.names())})"),
        ("Kind", study.kind.value),
        ("Raters", f"{plan.raters}, {plan.raters_per_item} per item, overlap {plan.overlap:g}"),
        ("Pairs per context", pairs if plan.pairwise() else "scores, no pairs"),
        ("Shares", f"review {plan.review_share:g}, gold {plan.gold_share:g}, duplicates {plan.duplicate_share:g}"),
        ("Seed", str(plan.seed)),
    ]
    if study.kind is StudyKind.LIVE:
        asked = {value: label for label, value in texts.TURN_PREFERENCES}[plan.turn_preference]
        rows.append(("Talks", f"at least {plan.min_turns} messages. Better reply asked for? {asked}"))
    return (
        f'<details class="esc-guide"><summary>The plan</summary>{render.table(("Setting", "Value"), rows, "As stored")}'
        "</details>"
    )


def imported(found: Imported) -> str:
    """The result of an import, with its warnings."""
    if not found.contexts:
        return render.notice(texts.NO_LIVE)
    done = render.notice(texts.IMPORTED.format(contexts=found.contexts, replies=found.replies), "good")
    return done + warnings(found.warnings)


def warnings(found: Sequence[str]) -> str:
    """What the checks of the items found, at most MAX_WARNINGS in full; "" when they found nothing."""
    if not found:
        return ""
    lines = list(found[:MAX_WARNINGS])
    if len(found) > len(lines):
        lines.append(texts.MORE_WARNINGS.format(count=len(found) - len(lines)))
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<p class="esc-hint">{texts.WARNINGS}</p><ul class="esc-findings esc-flags">{listed}</ul>'


def making(far: Making) -> str:
    """The progress of items made by the nets of this server, or the result."""
    if far.error is not None:
        return refused(far.error)
    if far.found is not None:
        left_out = texts.MAKE_LEFT_OUT.format(count=len(far.left_out), contexts=", ".join(far.left_out))
        return imported(far.found) + (render.notice(left_out) if far.left_out else "")
    return render.notice(texts.MAKING.format(made=far.made, total=far.total))


def making_hint(systems: Sequence[str], missing: Sequence[str], hosted: Sequence[str]) -> str:
    """What would be made, or why it cannot be made."""
    names = ", ".join(systems)
    if missing:
        reason = texts.NOT_HOSTED.format(missing=", ".join(missing), hosted=", ".join(hosted))
        return f'<p class="esc-hint">{escape(reason)}</p>'
    return f'<p class="esc-hint">{escape(texts.MAKE_HINT.format(systems=names))}</p>'


def refused(message: str) -> str:
    """Why nothing was imported, with each bad row on its own line."""
    first, *rest = message.splitlines() or [""]
    rows = "".join(f"<li>{escape(row.strip())}</li>" for row in rest)
    return render.notice(first, "problem") + (f'<ul class="esc-findings">{rows}</ul>' if rows else "")
