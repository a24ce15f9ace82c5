"""`i2v data show`: draws the clips that a model sees.

show: training draws and test views. sheet: pictures and words on a sheet.
"""
