"""What `models` and `annotation` share: strict reading of files that users provide, and tables for output.

One reader for items, votes, plans, predictions and outputs; one table for figures.

A file is read correctly, or refused with a message that names file and line and says what was found and what to do. The
meaning of the rows is checked by `models` and `annotation`. The modules, in suggested reading order:

    text_files.py   bytes -> text: byte-order marks, UTF-8 and UTF-16, refused encodings
    json_values.py  text -> JSON value: no repeated key, only finite numbers, bounded depth
    rows.py         text -> numbered rows of CSV or JSON Lines
    table.py        a table as text, Markdown and LaTeX
"""
