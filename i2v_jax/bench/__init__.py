"""What a config costs: counted, measured, compared.

costs: everything that `i2v bench --config` counts and measures.
measure: the measurements: forward passes, a training step, the loader.
table: the table of `i2v bench`.
timing: how time is measured. peaks: published peaks of devices.
stream: `i2v bench --stream`: a new frame of a live video.
stream_table: the table of that.
published: `i2v bench published`: costs that papers report, next to ours.
compare: `i2v compare`: methods side by side.
topology: memory of a training step on a machine you do not have.
"""
