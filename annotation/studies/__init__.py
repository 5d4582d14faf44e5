"""Studies: planned items, members, seats, answers, reviews, live talks, and handed-in results.

In reading order:

    study_plan.py       a study as planned, and what makes a plan impossible
    item_plan.py        contexts and a seed -> items, seats, duplicates, review sample
    stored_replies.py   replies with their traces (how they came about), checked and stored
    study_views.py      the frozen values of studies: for statistics, for raters, for reviewers
    live_views.py       the frozen values of live studies: for raters, for statistics
    passwords.py        scrypt hashes
    tickets.py          what a browser keeps after signing in by password
    pace.py             slows down password guessing
    members.py          invitation links, passwords, roles
    studies.py          a study from draft to closed
    item_checks.py      problems with a draft's items: refused, or a warning to the lead
    item_import.py      items into the store, from files or finished conversations
    drafts.py           changes to a draft: another plan, items removed, all of it deleted
    live_items.py       role cards into the store
    assignment.py       who judges what next, and which system is on which side
    live_projection.py  rows of a live study -> what may be seen of its talks
    task_projection.py  rows of a study -> what a rater may see
    claims.py           items handed out, with a lease
    live_talks.py       a rater's talk with two systems: begun, held, compared turn by turn, ended
    replay.py           derives items and claims again from the seed, and lists differences
    answers.py          answers saved one by one, changed, handed in
    review.py           the second look
    withdrawal.py       a rater takes back everything they gave
    ballots.py          handed-in answers, for statistics
    live_rows.py        the same for live talks
    quality.py          signs of careless work while the study runs
    item_browser.py     items with texts, votes, reasons and traces, for the lead
    progress.py         everybody's progress
    reply_features.py   the stored traces as numbers
    live_ballots.py     judged talks as ballots
    study_source.py     a study's votes from the database or from CSV, JSON Lines, Parquet, and back
"""
