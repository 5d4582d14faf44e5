"""Human judgments of replies: what is asked, how it is stored, what the numbers say.

Imports sqlalchemy, alembic, scipy, statsmodels, krippendorff and pyarrow; never torch, gradio or `models`.
In the order in which to read them:

    rubric.py    what raters are asked, as data
    choices.py   the closed sets of values in the tables
    store/       the tables, their migrations, and the one way into the database
    talks/       open talks on the first page: start, converse, judge, reveal
    studies/     studies: planned items, members, seats, answers, reviews, live talks
    statistics/  the analysis: values in, values out, no database
    files/       items, votes and masked texts as files
    commands/    python -m annotation COMMAND

Every store function takes `session` by keyword and neither opens nor commits one: the caller writes
`with sessions.begin() as session:` around one user action, so an action is stored whole or not at all.
`STUDIES.md` leads through a study.
"""

__version__ = "0.1.0"
