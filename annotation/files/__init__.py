"""What goes in and out as a file: items, votes, masked texts.

In the order in which to read them:

    item_files.py   items from JSON Lines or CSV: the format, every bad row by line
    study_values.py one row of such a file: types, ranges, the order of the two systems, nothing given twice
    study_files.py  a study's votes from the database or from CSV, JSON Lines, Parquet, and back
    masking.py      addresses, numbers and introduced names taken out of exported texts
"""
