"""Studies: planned items, members, seats, answers, reviews, live talks, and what was handed in.

In the order in which to read them:

    study_plan.py       a study as planned, and what makes a plan impossible
    item_plan.py        contexts and a seed -> items, seats, duplicates, review sample
    stored_replies.py   replies with the traces of how they came about, checked and stored
    study_views.py      the frozen values of studies: for statistics, for raters, for reviewers
    live_views.py       their frozen values: for raters, for statistics
    passwords.py        scrypt hashes
    tickets.py          what a browser keeps that signed in by password
    pace.py             slows down who guesses passwords
    members.py          invitation links, passwords, roles
    studies.py          a study from draft to closed
    item_checks.py      what is wrong with a draft's items: refused, or a warning to the lead
    item_import.py      items into the store, from files or finished conversations
    drafts.py           the plan of a draft changed, items taken out, all of it deleted
    live_items.py       role cards into the store
    assignment.py       who judges what next, which system on which side
    live_projection.py  rows of a live study -> what may be seen of its talks
    task_projection.py  rows of a study -> what a rater may see
    claims.py           items handed out, with a lease
    live_talks.py       a rater's talk with two systems: begun, held, compared turn by turn, ended
    replay.py           items and claims derived again from the seed, and what differs
    answers.py          answers saved one by one, changed, handed in
    review.py           the second look
    withdrawal.py       a rater takes back all that they gave
    ballots.py          what was handed in, for statistics
    live_rows.py        the same of live talks
    quality.py          the same while the study runs, from the store
    item_browser.py     items with texts, votes, reasons and traces, for the lead
    progress.py         how far everybody is
    reply_features.py   what the stored traces say in numbers
    live_ballots.py     judged talks as ballots
    study_source.py     a study's votes from the database or from CSV, JSON Lines, Parquet, and back
"""
