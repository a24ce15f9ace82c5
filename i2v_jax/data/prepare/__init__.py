"""`i2v data prepare`: any source -> verified, encoded TFDS shards.

command: runs a job and prints its table. job: stages shards, builds the set.
area: the staging area, and whether it can be resumed.
records: what the records of a split are. staging: one shard.
shards: the interface to TFDS. beam: Apache Beam.
"""
