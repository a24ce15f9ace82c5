"""Published peaks of devices, for dense bfloat16 matrix products."""

import jax
import jax.numpy as jnp

_TPU = 'Google, docs.cloud.google.com/tpu/docs, peak compute per chip (bf16)'
_GPU = 'NVIDIA, data sheet, BFLOAT16 Tensor Core, without sparsity'

# Start of `jax.Device.device_kind` -> FLOP/s of one device, and the source.
# The first that fits counts, so longer names come first.
PEAKS = {
  'TPU v4': (275e12, _TPU),
  'TPU v5 lite': (197e12, _TPU),  # v5e
  'TPU v5': (459e12, _TPU),  # v5p
  'TPU v6 lite': (918e12, _TPU),  # Trillium
  'NVIDIA A100': (312e12, _GPU),
  'NVIDIA H100 PCIe': (756e12, _GPU),
  'NVIDIA H100 80GB HBM3': (989e12, _GPU),  # SXM
  'NVIDIA H200': (989e12, _GPU),
  'NVIDIA L4': (121e12, _GPU),
}


def published_peak(device: jax.Device, dtype) -> tuple[float, str] | None:
  """Peak FLOP/s of a device and the source, or None if it is unknown.

  Known for bfloat16 only: the precision of float32 products is a setting.
  """
  if jnp.dtype(dtype) != jnp.bfloat16:
    return None
  for kind, found in PEAKS.items():
    rest = device.device_kind.removeprefix(kind)
    if rest != device.device_kind and not rest[:1].isalnum():
      return found
  return None
