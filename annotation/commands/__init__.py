"""The commands of python -m annotation, one module each.

In the order in which to read them:

    export.py     its commands
    results.py    its commands
    backup.py     its commands
    study.py      its commands
    benchmark.py  its commands
"""
