"""Frozen image transformers that understand video, in JAX."""
