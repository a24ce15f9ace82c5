"""`i2v data prepare`: any source -> verified, encoded TFDS shards.

command: the job, its progress bar and its table. job: what is done in turn.
area: the staging area, and whether it can be resumed.
staging: one shard. shards: what TFDS needs. beam: staging on Apache Beam.
"""
