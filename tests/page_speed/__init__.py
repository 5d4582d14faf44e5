"""How long the page takes to answer a visitor: `python -m tests.page_speed` (`__main__.py`, the only file)."""
