"""What the operating system lends a program; imports nothing of ours, no JAX.

files: locks.
process: memory of this process.
"""
