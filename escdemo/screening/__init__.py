"""What is looked at before it is shown: messages that suggest danger, replies that would harm or leave it unanswered.

In the order in which to read them:

    normal_form.py     how a text is spelt before phrases are looked for, with its tables in spelling.toml
    phrases.py         tables of phrases
    message_screen.py  danger in a message and in a talk, with its phrases in messages.toml
    reply_screen.py    replies that must never be shown
    answer_screen.py   message and reply judged together, with its phrases in answers.toml
    labelled.py        the texts that the screens are measured by: messages.jsonl and pairs.jsonl
    measuring.py       misses and false alarms on them: python -m escdemo.screening measure
"""
