"""The commands of python -m annotation, one module each.

In reading order:

    migrate.py    bring a database to the current schema
    export.py     judgments or talks as CSV or JSON Lines
    results.py    win / lose / tie per pair of systems and criterion
    backup.py     the database as one file, while the app runs
    study.py      plan studies, import items, invite people, watch progress
    benchmark.py  the times of saves while many raters work at once
"""
