"""Human judgments of replies: the questions, how answers are stored, what the numbers say.

Imports sqlalchemy, alembic, scipy, statsmodels, krippendorff and pyarrow; never torch or gradio, and of
`models` only `models.reading`.
In reading order:

    rubric.py    the questions to raters, as data
    choices.py   the closed sets of values in the tables
    store/       the tables, their migrations, and the one way into the database
    talks/       open talks on the first page: start, converse, judge, reveal
    studies/     studies: planned items, members, seats, answers, reviews, live talks
    statistics/  the analysis: from values to values, without a database
    files/       items, votes and masked texts as files
    commands/    python -m annotation COMMAND

Every store function takes `session` by keyword and neither opens nor commits it: the caller writes
`with sessions.begin() as session:` around one user action, so an action is stored whole or not at all.
`STUDIES.md` is a guide through a study.
"""

__version__ = "0.1.0"
