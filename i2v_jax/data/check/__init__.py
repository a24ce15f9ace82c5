"""`i2v data check`: every video of a data set, decoded to its end.

all_videos: the command. one_video: whether a file can be read, and its facts.
listed: what is checked. findings, class_findings, frame_notes: what is found.
report: the table and the files.
"""
