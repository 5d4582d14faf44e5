"""How long the page takes, in a real browser.

__main__.py   to answer a visitor's clicks: `python -m tests.page_speed`
replies.py    to show the replies of real nets: `python -m tests.page_speed.replies`
"""
