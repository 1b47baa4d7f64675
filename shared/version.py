"""Which version this is: of the installed package, or of the checkout the services run from."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path
from typing import Final

__all__ = ["version"]

_PROJECT: Final = Path(__file__).resolve().parents[1] / "pyproject.toml"


def version() -> str:
    """As ``pyproject.toml`` has it, the one place that knows; "unknown" for a copied folder."""
    if __package__ != "shared":
        return importlib.metadata.version("ringcast")
    try:
        project = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))
    except OSError:
        return "unknown"
    return str(project["project"]["version"])
