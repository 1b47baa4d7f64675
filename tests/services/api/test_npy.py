from __future__ import annotations

import io

import numpy as np
import pytest

from services.api.npy import npy_header


@pytest.mark.parametrize("shape", [(48, 64, 3), (48, 64)])
def test_numpy_loads_header_and_pixels(shape: tuple[int, ...]) -> None:
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    loaded = np.load(io.BytesIO(npy_header(shape) + image.tobytes()), allow_pickle=False)
    assert loaded.dtype == np.uint8
    assert np.array_equal(loaded, image)
