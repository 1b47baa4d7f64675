"""NumPy's file format, as far as one image needs it: ``numpy.load`` reads it without pickle."""

from __future__ import annotations

import io
from typing import Final

import numpy as np

__all__ = ["CONTENT_TYPE", "npy_header"]

CONTENT_TYPE: Final = "application/x-npy"


def npy_header(shape: tuple[int, ...]) -> bytes:
    """What stands in a ``.npy`` file before the bytes of a ``uint8[*shape]``, C-contiguous."""
    file = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, described)
    return file.getvalue()
