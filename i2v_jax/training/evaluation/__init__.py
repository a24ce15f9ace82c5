"""Exact evaluation: every video counted once.

evaluate: scores of a split, its report and files. metrics: accuracy of scores.
boxes, box_scores: the same for boxes of key frames. kinds: which a model has.
detection_map: frame mAP of boxes. detection_ranking, overlaps: which are right.
detection_tables: mAP by class and size, AVA's result file.
"""
