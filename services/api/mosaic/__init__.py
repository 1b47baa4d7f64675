"""Several cameras in one picture, composed once per host and streamed as a camera of its own.

A worker that holds the lock of the mosaic's ring composes (``composer.py``) from the cameras' rings
into that one; every worker follows it with an ordinary ``Camera``. See docs/adr/0029.
"""
