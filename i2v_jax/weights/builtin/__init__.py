"""Weights small enough to ship, and the scripts that made them."""
