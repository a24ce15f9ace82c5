"""Exact frames of video files, with PyAV (FFmpeg).

decode: opens videos and reads frames by number.
frame_folder, frame_files: a folder of numbered images, read as a video.
seconds: a folder of one-second files, and the frame at a time.
span, blocks: a part of a video, used as one; parts of a list of frames.
packets: the packets of an open file, and the pictures that they give.
index, scan: what reading all packets finds: frames, times, where to seek.
index_cache, index_file, kept: of long videos the index is kept, and the file
  stays open.
order, nal, bits: the order of pictures, from headers of H.264 and others.
display, fields: rotation and mirroring; interlaced video.
resize: bilinear resizing as the published models were trained with.
transcode, shaping: re-encoded copies with frequent key frames.
pyav: differences between releases of PyAV; the containers that are read.
names: file names that may be videos. video_info: facts of an open video.
faults: separates faults of videos from bugs of ours.
"""
