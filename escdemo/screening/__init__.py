"""Safety screens: find messages that suggest danger, and replies that would harm or ignore that danger.

Its parts, in reading order:

    normal_form.py     normalises the spelling of a text before the search for phrases; tables in spelling.toml
    phrases.py         reads the tables of phrases
    message_screen.py  danger in a message and in a talk; phrases in messages.toml
    reply_screen.py    replies that must never be shown
    answer_screen.py   message and reply judged together; phrases in answers.toml
    labelled.py        the labelled texts for measuring the screens: messages.jsonl and pairs.jsonl
    measuring.py       misses and false alarms on them: python -m escdemo.screening measure
"""
