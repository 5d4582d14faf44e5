"""Files and folders written whole or not at all: weights with their cards, what a stopped run left, the Hub.

In the order in which to read them:

    checkpoint.py      weights on disk: int8 rows, shards, hashes
    hub.py             checkpoints from the Hub, with errors that say what to do
    whole_file.py      files written whole or not at all
    resume_journal.py  what an evaluation has predicted so far, and with which settings
"""
