"""Human judgments of replies: what is asked, how it is stored, what the numbers say.

Imports sqlalchemy, alembic, scipy, statsmodels, krippendorff and pyarrow; never torch, gradio or `models`.
Reading order:

    rubric.py         what raters are asked, as data
    choices.py        the closed sets of values
    stages.py         the stages of an encounter and the steps allowed in each
    texts.py          what text is accepted
    schema.py         the tables           migrations/   how they came to be, step by step
    engine.py         connections and their settings; write_queue.py lets writers in one after the other
    database.py       open_sessions(url): the one way in
    views.py          the frozen values that leave this package
    encounters.py     start, look up, freeze, reveal
    conversation.py   posts and replies of an encounter
    judgments.py      the vote
    events.py         the append-only record of all this
    erasure.py        delete-my-data
    projection.py     rows -> views; the only place that decides what a rater may see
    statistics.py     win / lose / tie of open talks per pair and criterion, with intervals

Studies, in which raters judge planned items, are built beside encounters:

    study_plan.py, item_plan.py        a plan, and the items that follow from it and a seed; pure
    item_files.py, stored_replies.py   the format of imported items, and of the traces of replies
    study_schema.py, study_views.py    their tables and values
    members.py, passwords.py, tickets.py    links, passwords, coming back after a reload, roles
    studies.py, item_import.py         a study from draft to closed, and its items
    assignment.py, claims.py           who judges what next
    replay.py                          whether all that follows from plan and seed
    task_projection.py                 rows -> what a rater may see, and the only place that knows the sides
    answers.py, review.py              judging, and the second look
    live_items.py, live_schema.py, live_views.py, live_talks.py, live_projection.py     in live studies: talks first
    withdrawal.py                      a rater takes everything back
    ballots.py, live_rows.py, quality.py, progress.py, study_events.py     what came of it

The analysis of a study is pure: values in, values out, no database.

    intervals.py      figures with intervals, or with the reason why there is none
    agreement.py      how far raters agree
    study_views.py    Ballot, Rating, Verdict: what raters and reviewer said
    pairwise.py       win / tie / lose by votes and by items         strength.py      Bradley-Terry
    raters.py         one row per rater     flags.py  what stands out    pointwise.py     means of ratings
    live_report.py    preferences per turn, helpfulness, intensity
    explanations.py   does an explanation predict the vote?          reply_features.py   the traces of the store
    study_data.py     everything of a study -> study_report.py -> report_tables.py, tables.py
    study_source.py   where the votes come from: live_ballots.py, ballots.py (the database), study_files.py (files)

    migrate.py, export.py, results.py, backup.py, study.py, benchmark.py     the commands of `python -m annotation`

Every store function takes `session` by keyword and neither opens nor commits one: the caller writes
`with sessions.begin() as session:` around one user action, so an action is stored whole or not at all.
"""

__version__ = "0.1.0"
