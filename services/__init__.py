"""The two services: ``video`` owns the camera, ``api`` serves its frames over HTTP."""
