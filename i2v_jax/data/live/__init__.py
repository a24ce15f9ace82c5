"""Video as it comes: frames by their times, the newest one instead of a queue.

sources: what a source is: a file, a folder, a camera, an address, stdin.
connections: what an open source gives. containers: those that PyAV opens;
  pipes, jpegs: stdin, raw or JPEG after JPEG. opening: one of these.
times: one axis of seconds from timestamps that may start over.
sampling: which frames a model sees, at its rate.
views: what it sees of a frame.
frames: frames as a model takes them. inbox: the newest one of each source.
reader: the thread that puts it there.
"""
