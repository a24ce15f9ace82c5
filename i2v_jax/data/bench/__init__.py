"""`i2v data bench`: how fast videos are read.

command: the tables. measure: times the stages of a clip, and the loader.
peers: other libraries that read the same frames.
"""
