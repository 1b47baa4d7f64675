"""The Video Module: owns the camera, writes its frames into shared memory."""
