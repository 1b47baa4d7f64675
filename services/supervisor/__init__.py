"""One Video Module per camera, each kept running for itself; the API beside them, or not."""
