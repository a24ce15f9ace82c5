"""`i2v data show`: draws the clips that a model sees.

picked: the videos that are shown.
show: training draws and test views. boxed: those of key frames, with boxes.
sheet: pictures and words on a sheet.
"""
