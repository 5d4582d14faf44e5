"""Files and folders written whole or not at all: weights with their cards, what a stopped run has left, the Hub.

In the order in which to read them:

    checkpoint.py      weights on disk: int8 rows, shards, hashes
    hub.py             checkpoints from the Hub, with errors that say what to do
    whole_file.py      files written whole or not at all
    json_lines.py      rows added one by one, safe from whatever stops the program
    resume_journal.py  results of a long command, with their settings: an interrupted one continues
    lru.py             a bounded cache shared by threads
"""
