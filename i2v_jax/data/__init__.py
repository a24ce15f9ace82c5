"""Videos on disk -> uint8 clips. Nothing here may import jax."""
