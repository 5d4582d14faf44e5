"""What is imported and exported as files: items, votes, masked texts.

In reading order:

    item_files.py   items from JSON Lines or CSV: the format, and all bad rows by line
    study_values.py one row of a study's file: types, ranges, the order of the two systems, nothing given twice
    study_files.py  a study's votes from CSV, JSON Lines or Parquet, and back
    masking.py      removes addresses, numbers and introduced names from exported texts
"""
