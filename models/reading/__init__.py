"""What `models` and `annotation` share: files that people bring, read strictly, and tables that they take away.

One reader for items, votes, plans, predictions and outputs; one table for figures.

A file is read rightly, or refused in a line that names file and line, says what was found and what to do. It knows
nothing of what the rows mean; `models` and `annotation` check that. In the order in which to read them:

    text_files.py   bytes -> text: byte-order marks, UTF-8 and UTF-16, refused encodings
    json_values.py  text -> JSON value: no repeated key, only finite numbers, bounded depth
    rows.py         text -> numbered rows of CSV or JSON Lines
    table.py        a table as text, Markdown and LaTeX
"""
