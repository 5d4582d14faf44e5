"""How long the page takes, in a real browser: to answer clicks, `python -m tests.page_speed` (`__main__.py`), and more.

Besides:

    replies.py   how long a visitor waits for replies of real nets: `python -m tests.page_speed.replies`
"""
