"""Runs all cameras and the API without containers: ``make run``; see ``services/supervisor``."""

from __future__ import annotations

import sys

from services.supervisor.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["--with-api"]))
