"""Studies in the browser, at /study/: their leads, raters and reviewers. `build.py` lays the page out.

Read desk.py (the store behind it), then one role at a time: raters.py (and talking.py), reviewers.py, leads.py.
"""
