"""Files that a run leaves on disk, and their readers.

lock: one trainer at a time. claim: the config, and whether a run resumes it.
checkpoint, checkpoint_files: what was trained, complete or absent.
log: metrics on the console, in `metrics.jsonl` and for TensorBoard.
start_files: data, costs and command of a run. stored_config: reads its config.
heartbeat, status: how a run is doing; `status` and
`stored_config` load no JAX.
"""
