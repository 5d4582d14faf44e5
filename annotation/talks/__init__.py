"""Open talks on the first page: start, converse, judge, reveal, and the results of their votes.

In reading order:

    stages.py        which step is allowed when
    views.py         the frozen values that leave this package
    projection.py    rows -> views: who may see what at which stage
    encounters.py    start, find, finish, reveal
    conversation.py  posts and replies
    held_back.py     which replies the safety screen changed
    judgments.py     the vote
    open_talks.py    open talks: win, lose and tie with a sign test
"""
