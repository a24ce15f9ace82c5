"""`i2v data show`: what a model sees of videos.

show: training draws and test views. sheet: pictures in rows under words.
"""
