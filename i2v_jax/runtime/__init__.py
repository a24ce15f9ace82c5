"""What differs between operating systems; imports nothing of ours, no JAX.

console: text that an encoding lacks.
devices: those that were asked for and are missing.
files: locks, and the way out when writing fails.
process: memory of this process.
"""
