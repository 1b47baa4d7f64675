"""The API: reads frames from shared memory, streams them over HTTP. Runs under gunicorn."""
