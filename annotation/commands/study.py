"""Studies from the command line: `python -m annotation study ACTION ...`, on the server, as the study's lead.

python -m annotation study create --file plan.json           prints the lead's link
python -m annotation study import --study pilot-1 --items items.jsonl
python -m annotation study import --study talks-1 --cards escdemo/role_cards.json     role cards of a live study
python -m annotation study change --study pilot-1 --file plan.json   while it is a draft; also: empty, delete
python -m annotation study open --study pilot-1              plans the items, or says why that cannot work
python -m annotation study invite --study pilot-1 --role rater --count 5
python -m annotation study withdraw --study pilot-1 --member r3      deletes what r3 handed in, at their wish
python -m annotation study status --study pilot-1
python -m annotation study close --study pilot-1
python -m annotation study replay --study pilot-1            derives plan and claims from the seed, lists differences
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from annotation.choices import Role, StudyKind
from annotation.files.item_files import read_items
from annotation.store.database import for_reading, open_sessions
from annotation.store.engine import add_database_argument
from annotation.store.erasure import Remains, remains
from annotation.store.study_schema import Study
from annotation.studies.drafts import change_plan, delete_draft, empty_draft
from annotation.studies.item_checks import draft_warnings
from annotation.studies.item_import import import_encounters, import_in_batches
from annotation.studies.live_items import add_scenes, read_scenes
from annotation.studies.members import invite, members, revoke
from annotation.studies.progress import team_progress
from annotation.studies.quality import rater_quality
from annotation.studies.replay import replay
from annotation.studies.studies import (
    close_study,
    create_study,
    get_study,
    lead_access,
    open_in_batches,
    pause_study,
    plan_opening,
    resume_study,
)
from annotation.studies.study_plan import load_plan
from annotation.studies.study_views import Invitation
from annotation.studies.withdrawal import withdraw

SITE = "http://127.0.0.1:7860"
T = TypeVar("T")


class _Desk:
    """Runs store functions one at a time, so that reading, also of files, does not keep writers waiting."""

    def __init__(self, sessions: sessionmaker[Session], study: str | None) -> None:
        self.sessions, self.reading = sessions, for_reading(sessions)
        with self.reading() as session:
            self._lead = None if study is None else lead_access(session=session, name=study)

    def do(self, action: Callable[..., T], **arguments: Any) -> T:
        """Run one function for the study's lead, stored whole or not at all."""
        with self.sessions.begin() as session:
            return action(session=session, access=self._lead, **arguments)

    def read(self, action: Callable[..., T], **arguments: Any) -> T:
        """Run one function that only reads."""
        with self.reading() as session:
            return action(session=session, access=self._lead, **arguments)


Action = Callable[[_Desk, Namespace], int]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the actions and flags of `python -m annotation study`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", help="what to do")
    for name, (_, help_line) in ACTIONS.items():
        action = actions.add_parser(name, help=help_line, description=help_line)
        add_database_argument(action)
        if name not in ("create", "list"):
            action.add_argument("--study", metavar="NAME", required=True, help="name of the study")
        if name in ("create", "change"):
            action.add_argument("--file", metavar="PLAN", required=True, help="JSON file with the plan")
        if name in ("create", "invite"):
            action.add_argument("--site", metavar="URL", default=SITE, help="where the app runs, for the printed links")
        if name == "import":
            source = action.add_mutually_exclusive_group(required=True)
            source.add_argument("--items", metavar="FILE", help="JSON Lines or CSV file with contexts and replies")
            source.add_argument("--encounters", action="store_true", help="talks held on the first page in its name")
            source.add_argument("--cards", metavar="FILE", help="of a live study: role cards (escdemo/role_cards.json)")
            for flag, what in (("--problem", "problem type"), ("--card", "id")):
                only = f"only role cards of this {what}; may be repeated"
                action.add_argument(flag, action="append", default=[], metavar="NAME", help=only)
        if name == "invite":
            roles = [role.value for role in Role]
            action.add_argument("--role", choices=roles, default=Role.RATER.value, help="what the new members may do")
            action.add_argument("--count", type=int, default=1, metavar="N", help="how many to invite")
        if name in ("revoke", "withdraw"):
            action.add_argument("--member", metavar="NAME", required=True, help="pseudonym, such as r3")


def run(args: Namespace) -> int:
    """Run one action."""
    sessions = open_sessions(args.database, create=args.action == "create")
    try:
        return ACTIONS[args.action][0](_Desk(sessions, getattr(args, "study", None)), args)
    except LookupError as error:
        raise ValueError(str(error)) from error
    finally:
        sessions.kw["bind"].dispose()


def _create(desk: _Desk, args: Namespace) -> int:
    plan = load_plan(Path(args.file))
    with desk.sessions.begin() as session:
        created = create_study(session=session, plan=plan)
    print(f"study {created.study.name!r} is a draft; import items, then open it")
    print(_link(created.invitation, args))
    return 0


def _change(desk: _Desk, args: Namespace) -> int:
    view = desk.do(change_plan, plan=load_plan(Path(args.file)))
    print(f"the draft is {view.name!r} now, with its new plan")
    return 0


def _empty(desk: _Desk, _args: Namespace) -> int:
    print(f"{empty_draft(desk.do)} items taken out")
    return 0


def _delete(desk: _Desk, _args: Namespace) -> int:
    print(f"the draft {delete_draft(desk.do)!r} is deleted")
    return 0


def _list(desk: _Desk, _args: Namespace) -> int:
    with desk.reading() as session:
        for study in session.scalars(select(Study).where(Study.gathers_for.is_(None)).order_by(Study.created_at)):
            print(f"{study.name}\t{study.kind.value}\t{study.state.value}\t{study.created_at:%Y-%m-%d}")
    return 0


def _import(desk: _Desk, args: Namespace) -> int:
    if args.cards is None and (args.problem or args.card):
        raise ValueError("--problem and --card choose among role cards; name their file with --cards")
    if args.cards is not None:
        scenes = read_scenes(Path(args.cards), problems=args.problem, ids=args.card)
        print(f"{desk.do(add_scenes, scenes=scenes)} of {len(scenes)} role cards added")
        return 0
    if args.encounters:
        found = desk.do(import_encounters)
    else:
        found = import_in_batches(desk.do, read_items(Path(args.items)), args.items)
    for warning in found.warnings:
        print(f"warning: {warning}")
    print(f"{found.contexts} contexts with {found.replies} replies imported")
    return 0


def _open(desk: _Desk, args: Namespace) -> int:
    for warning in desk.read(draft_warnings):
        print(f"warning: {warning}")
    view = open_in_batches(desk.do, desk.read(plan_opening))
    print(f"study {view.name!r} is open with {view.items} items; invite raters")
    if view.kind is StudyKind.LIVE:
        print(f"raters talk with the systems: run python app.py with --nets {','.join(view.plan.systems)}")
    return 0


def _invite(desk: _Desk, args: Namespace) -> int:
    if args.count < 1:
        raise ValueError(f"--count is {args.count}; at least 1 is needed")
    for _ in range(args.count):
        print(_link(desk.do(invite, role=args.role), args))
    return 0


def _link(invitation: Invitation, args: Namespace) -> str:
    return f"{invitation.pseudonym}\t{args.site.rstrip('/')}/study/?invite={invitation.token}"


def _revoke(desk: _Desk, args: Namespace) -> int:
    desk.do(revoke, pseudonym=args.member)
    print(f"the link of {args.member} no longer works")
    return 0


def _withdraw(desk: _Desk, args: Namespace) -> int:
    items = desk.do(withdraw, pseudonym=args.member)
    print(f"{args.member} withdrew: {items} items deleted, the link no longer works")
    _say_what_remains(desk)
    return 0


def _say_what_remains(desk: _Desk) -> None:
    """Print whether copies of what was just deleted are left in the files."""
    with desk.reading() as session:
        left = remains(session)
    if left is Remains.FILES:
        print("a copy may remain in the database's files, which another program is using or which are too big to")
        print("rebuild beside it: the running app will try again by itself, at the latest when it next starts")
    elif left is Remains.SERVER:
        print("the database server overwrites the freed space in its own time")


def _status(desk: _Desk, _args: Namespace) -> int:
    view, progress = desk.read(get_study), desk.read(team_progress)
    print(f"{view.name}: {view.state.value}, {view.kind.value}, rubric {view.plan.rubric.name}, seed {view.plan.seed}")
    print(f"items       {progress.complete} of {progress.items} complete, {progress.active} in work")
    print(f"judgments   {progress.judgments_done} of {progress.judgments_needed}")
    print(f"reviews     {progress.reviewed} done, {progress.to_review} waiting")
    for warning in desk.read(draft_warnings):
        print(f"warning: {warning}")
    people = desk.read(members)
    print(f"members     {', '.join(row.pseudonym for row in people)}")
    for row in people:
        if row.withdrew is not None:
            print(f"{row.pseudonym:<12}withdrew, {row.withdrew} items deleted")
    for found in desk.read(rater_quality):
        seconds = "" if found.median_seconds is None else f", median {found.median_seconds:.0f} s"
        print(f"{found.rater:<12}{found.items} items{seconds}")
        for flag in found.flags:
            print(f"{'':<12}! {flag}")
    return 0


def _pause(desk: _Desk, _args: Namespace) -> int:
    return _said(desk.do(pause_study).state)


def _resume(desk: _Desk, _args: Namespace) -> int:
    return _said(desk.do(resume_study).state)


def _close(desk: _Desk, _args: Namespace) -> int:
    return _said(desk.do(close_study).state)


def _said(state: str) -> int:
    print(f"the study is {state} now")
    return 0


def _replay(desk: _Desk, _args: Namespace) -> int:
    found = desk.read(replay)
    for difference in found.differences:
        print(difference)
    if not found.differences:
        print("the seed gives exactly the stored items, in the stored order, and every claim as it was handed out")
    print(
        f"{found.items} items, {found.claims} claims; the sides of an item differ by at most {found.within_item}, "
        f"those of a rater by at most {found.within_rater}; {found.swapped} duplicates shown with sides swapped"
    )
    return 1 if found.differences else 0


ACTIONS: dict[str, tuple[Action, str]] = {
    "create": (_create, "make a draft from a plan file and print the lead's link"),
    "change": (_change, "put another plan in place of a draft's"),
    "empty": (_empty, "take all items out of a draft"),
    "delete": (_delete, "delete a draft with its items, members and events; its name is free again"),
    "list": (_list, "name all studies with kind and state"),
    "import": (_import, "store items from a file or from finished conversations: all of them or none"),
    "open": (_open, "plan the items and let raters in, or say why the plan cannot work"),
    "invite": (_invite, "add members and print their links, shown this once"),
    "revoke": (_revoke, "stop a member's link from working"),
    "withdraw": (_withdraw, "delete all that a rater handed in, at their wish, and stop their link"),
    "status": (_status, "print progress and what is unusual about a rater"),
    "pause": (_pause, "hand out no new items for a while"),
    "resume": (_resume, "hand out items again"),
    "close": (_close, "end the study: no answer changes any more"),
    "replay": (_replay, "plan the items and hand them out again from the seed, and print what differs"),
}
