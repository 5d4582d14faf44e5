"""Files and folders written whole or not at all: weights with their cards, results of interrupted runs, the Hub.

The modules, in suggested reading order:

    checkpoint.py      weights on disk: int8 rows, shards, hashes
    hub.py             checkpoints from the Hub, with errors that say what to do
    whole_file.py      files written whole or not at all
    json_lines.py      rows added one by one, kept even if the program is stopped
    resume_journal.py  results of a long command with its settings, so that it can continue after an interrupt
    lru.py             a bounded cache shared by threads
"""
