"""The report of a run or a sweep in a browser: one file, made without JAX.

write: the complete page, in a file. render: templates become HTML.
run_files, evaluations: what a run has left on disk, whatever of it is there.
checks: whether it is of the kinds it should be.
trained_on, origins: data, config, and where its values are from.
progress, costs: curves; time and memory. quality, intervals, chance: how good
it is. methods: what it is compared with.
class_table, confusions, certainty, lengths, timelines: where it errs.
cases, frames: single examples, as strips of frames.
sweep_page: that of a sweep or a comparison. figures: all that is drawn.
page: templates, style and script.
"""

from i2v_jax.training.report.write import make_report, write_report

__all__ = ['make_report', 'write_report']
