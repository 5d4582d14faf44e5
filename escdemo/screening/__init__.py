"""What is looked at before it is shown: messages that suggest danger, replies that would harm.

In the order in which to read them:

    safety.py        phrases that bring up the crisis card
    reply_screen.py  replies that must not be shown
"""
