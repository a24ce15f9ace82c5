"""What every program stands on; imports nothing else of ours.

errors: what a user can mend, as one sentence; anything else is our bug.
console: printing, tables and progress, on terminals and in log files.
files: atomic writes, JSON, locks.
ranges: what a value may be.
signals: SIGINT and SIGTERM stop a run where nothing is lost.
process: memory of this process.
devices: devices that were asked for and are missing.
device_memory: bytes that a training step may take on a device.
compilation: compiling, its cache, and what a compiled program takes.
sharding: the mesh, and what is sharded over it.
hosts: several processes that train one model.
host_watch: liveness of these processes; if one stops, all stop.
"""
