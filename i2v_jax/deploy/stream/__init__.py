"""Recognises what cameras, files and addresses show, as it comes.

recogniser: what is asked of a model: a step for one frame of each stream.
events: segments of a stream, reported as they begin and end.
stream: the state of a stream. session: frames of all sources, in one batch, to
  those who listen.
event_file, screen: listeners: JSON lines, and what a terminal shows.
hub, metrics: a listener for viewers. connection_server, server, page,
  viewer/: they see it in a browser.
command: all of it, as `i2v stream` runs it.
"""
