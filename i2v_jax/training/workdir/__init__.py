"""What a run leaves on disk, and what reads it.

lock: one trainer at a time. claim: the config, and whether a run resumes it.
checkpoint, checkpoint_files: what was trained, complete or not there.
log: metrics for people, `metrics.jsonl` and TensorBoard.
heartbeat, status: how a run is doing; `status` loads no JAX.
"""
