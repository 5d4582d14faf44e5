"""The tables, their migrations, and the one way into the database.

In reading order:

    texts.py         which text is accepted
    schema.py        the tables
    write_queue.py   puts the writers of one process in order of arrival
    engine.py        connections and SQLite's settings
    database.py      open_sessions(url): the one way in
    erasure.py       "delete my data"
    sweeper.py       repeats an erasure until no copy is left in any file
    events.py        who did what when, append-only
    study_schema.py  the tables of studies
    live_schema.py   the tables of live studies: talks, preferences, stars
    study_events.py  who did what when in a study, append-only
    migrate.py       applies the revisions that a database lacks, all or none
    migrations/      the changes of the tables, step by step
"""
