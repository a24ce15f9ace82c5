"""Exact evaluation: every video counted once.

split_scores: scores of a split. evaluate: the evaluation and its files. report:
what they hold. assessment: what labels say of scores. metrics, label_metrics:
accuracy with one label each, with several. class_tables: accuracy by class.
calibration: temperature, thresholds.
temporal_map: mAP of segments in time.
boxes, box_scores: the same for boxes of key frames. kinds: which a model has.
detection_map: frame mAP of boxes. detection_ranking, overlaps: which are right.
detection_tables: mAP by class and size, AVA's result file.
"""
