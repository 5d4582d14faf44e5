"""A load test: `python -m escdemo.soak`, where simulated seekers talk to the app at once and look for lost turns.

They use the app over HTTP as browsers do, so any running app can be tested. `__main__.py` is the command. The parts, in
reading order:

    open_page.py    one open page of the app, without a browser
    panels.py       reads what the two panels of a page show
    ledger.py       compares what was sent with what is shown, and counts errors
    seeker.py       one simulated seeker
    running_app.py  starts an app to test; its memory and open files
    crowd.py        many seekers at once
    report.py       the results as text
"""
