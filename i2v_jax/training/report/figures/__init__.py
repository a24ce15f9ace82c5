"""Figures as SVG text for a page that sets their colours.

lines: curves over steps. reliability: accuracy over confidence. confusion: a
matrix of classes. bars: shares with intervals. timeline: spans of a video.
scatter: accuracy over cost, with its Pareto front.
sheet: axes to draw on, and the SVG made of them. svg: what matplotlib writes
becomes what the page takes. colours, words, ticks: names of colours, texts and
their sizes, numbers along axes. placing: places of names beside dots.
"""
