"""`i2v data check`: decodes every video of a data set to its end.

all_videos: the command. one_video: whether a file can be read, and its facts.
listed: the videos to check. findings, class_findings, key_frame_findings,
list_findings, frame_notes, segment_findings, near_duplicates: findings.
report: the table and the files.
"""
