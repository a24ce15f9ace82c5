"""Which videos are in a split, and their labels.

sources: loads a split in any of the formats below.
own: a folder per class. lists, list_lines, list_labels: text files.
official, kinetics_csv: annotation files of public data sets.
prepared: TFDS data sets that `i2v data prepare` wrote.
digits: moving digits, the data of the quickstart.
listing, look_up, folders, places: from annotations to files.
known, split_facts: what is known of sets and splits without reading videos.
manifest, csv_files: lists that a check wrote, read back.
"""
