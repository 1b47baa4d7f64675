"""The document as it is with the settings' defaults, and with credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.api.openapi.document import describe
from shared.settings import Settings

if TYPE_CHECKING:
    from services.api.openapi.parts import Json

GUARDED = {"api": {"auth": {"token": "0123456789abcdef"}}}


@pytest.fixture
def open_document() -> Json:
    return describe(Settings(), "1.2.3")


@pytest.fixture
def guarded_document() -> Json:
    return describe(Settings.model_validate(GUARDED), "1.2.3")
