"""`i2v attention`: where a trained model looks in one clip of a video.

clip: the clip, read as prediction's first view is.
before: the image model as it was before training.
compute: the maps of both.
rows: which map is drawn on which frame, and what is said of it.
drawing: a map on a frame. pictures: a sheet and a video of all rows.
outputs: what is written: a picture, or the arrays.
"""
