"""The videos of a split and their labels.

sources: loads a split of any format below. split: its examples.
own: a folder per class. lists, list_lines, list_labels: text files.
official, kinetics_csv, vidtab: annotation files of public data sets.
ava, ava_files, proposals, numpy_pickle: AVA, and boxes that detectors found.
boxes, boxed_videos: your own tables of boxes. given_boxes: those of
  one video.
key_frames, group_boxes, candidates, box_tables: boxes of both.
own_segments, segment_tables, activitynet: spans of videos in files of many
  forms. segment_columns, segment_cells, segment_entries: their lines.
segment_sides, segment_problems, segment_split, segment_examples, segments: the
  examples of these.
text_tables, clock, class_spellings, problems: tables, times, labels, and all
  that is wrong with them.
tasks, subsets, background: the examples that a run makes of them.
prepared, prepared_csv, prepared_examples: TFDS data sets that `i2v data
  prepare` wrote.
digits: moving digits, the data of the quickstart. digit_boxes: several at once.
listing: rows of annotations. look_up, folders, places, absent: the files they
  name.
known, split_facts: facts of data sets and splits, without reading a video.
video_facts, frame_rates: lengths, sizes and frame rates of videos.
feature_files, feature_rows, cosine, feature_labels: vectors of videos, and what
  is near by them.
manifest, csv_files: files that a check writes and training reads.
"""
