"""Does the app hold: `python -m escdemo.soak`, simulated seekers who talk to it at once and look for what got lost.

They use the app as browsers do, over HTTP, so any running app can be tried; `__main__.py` is the command. In the order
in which to read them:

    open_page.py    one open page of the app, without a browser
    panels.py       what the two panels of a page show
    ledger.py       what was sent, what was shown of it, and what of that is wrong
    seeker.py       one simulated seeker
    running_app.py  an app of its own to be tried; its memory and open files
    crowd.py        many seekers at once
    report.py       what came of it, in words
"""
