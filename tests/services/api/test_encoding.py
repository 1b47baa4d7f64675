from __future__ import annotations

from services.api.encoding import Encoding


def test_picture_files_are_told_from_pixels() -> None:
    files = {form for form in Encoding if form.compressed}
    assert files == {Encoding.JPEG, Encoding.PNG, Encoding.WEBP}
    assert {form for form in files if form.lossy} == {Encoding.JPEG, Encoding.WEBP}
    assert Encoding.PNG.content_type == "image/png"
    assert Encoding.I420.content_type == Encoding.RAW.content_type == "application/octet-stream"
