"""Exact frames of video files, with PyAV (FFmpeg).

decode: opens videos, reads frames by number.
frame_folder, frame_files: a folder of numbered images, read as a video.
packets: the packets of a file: which frame each shows, where to seek to.
order, nal, bits: the order of pictures, from headers of H.264 and others.
display, fields: rotation and mirroring; interlaced video.
resize: bilinear resizing as the published models were trained with.
transcode, shaping: copies of videos in which any frame is near.
pyav: what differs between releases of PyAV; which containers are opened.
names: file names that may be videos. video_info: facts of an open video.
faults: tells faults of videos from bugs of ours.
"""
