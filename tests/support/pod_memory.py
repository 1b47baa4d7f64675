"""How much memory a pod needs, from its settings: the sums behind docs/kubernetes.md.

Rings are computed by the product's own layout. What processes take beside them was measured over an
hour (docs/operating.md, A day in an hour), and is rounded up here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.doctor.memory import geometry_of
from services.video.sources.address import Kind, classify
from shared.frame import Epoch
from shared.ring.layout import SegmentHeader

if TYPE_CHECKING:
    from shared.settings import Settings

__all__ = ["PodMemory"]

_MIB: Final = 2**20
_VIDEO: Final = 110 * _MIB
"""Private memory of the Video Module: 93.6 MB."""
_MASTER: Final = 50 * _MIB
"""Of gunicorn's master: 47.8 MB."""
_WORKER: Final = 100 * _MIB
"""Of a worker of the API: 93.4 MB."""
_PICTURES_OF_A_SOURCE: Final = 6
"""Decoder, driver and hand-over, each a few."""
_JPEG_BYTES_PER_PIXEL: Final = 0.5
"""A JPEG of high quality; the usual one of 1080p is a quarter of that."""
_JPEG_HEADROOM: Final = 2
"""A ring's slot has room for twice the JPEG it was made for."""
_VARIANT_SLOTS: Final = 4


@dataclass(frozen=True, slots=True)
class PodMemory:
    """Sums for one pod.

    Args:
        settings: Of its containers.
    """

    settings: Settings

    @property
    def _pixels(self) -> int:
        geometry, _ = geometry_of(self.settings.video)
        return geometry.width * geometry.height

    @property
    def _raw_bytes(self) -> int:
        geometry, _ = geometry_of(self.settings.video)
        return geometry.size_bytes

    @property
    def _jpeg_bytes(self) -> int:
        return int(self._pixels * _JPEG_BYTES_PER_PIXEL)

    @property
    def ring_bytes(self) -> int:
        """The camera's ring; of a network's MJPEG one of JPEGs, if they are passed through."""
        video = self.settings.video
        address = classify(video.source)
        http = address.kind is Kind.NETWORK and address.target.startswith("http")
        if http and video.passthrough:
            return _ring(video.ring.slots, _JPEG_HEADROOM * self._jpeg_bytes)
        return _ring(video.ring.slots, self._raw_bytes)

    @property
    def variants_bytes(self) -> int:
        """Rings of sizes and qualities: the default one, those allowed, and one that grows."""
        most = self.settings.api.limits.max_variants + 2
        return most * _ring(_VARIANT_SLOTS, _JPEG_HEADROOM * self._jpeg_bytes)

    @property
    def shared_bytes(self) -> int:
        """Shared: the ring twice, since it grows beside the old one, variants, the reserve."""
        reserve = self.settings.video.ring.reserve_mb * _MIB
        return 2 * self.ring_bytes + self.variants_bytes + reserve

    def video_bytes(self, shared_limit_bytes: int, tmp_bytes: int) -> int:
        """The video container: all of /dev/shm may be its, so that the ring ends there first.

        Args:
            shared_limit_bytes: ``sizeLimit`` of /dev/shm.
            tmp_bytes: ``sizeLimit`` of /tmp.
        """
        pictures = _PICTURES_OF_A_SOURCE * self._raw_bytes
        return _VIDEO + pictures + shared_limit_bytes + tmp_bytes

    def api_bytes(self, tmp_bytes: int) -> int:
        """The api container: workers, pixels and pictures of late clients, variants.

        Args:
            tmp_bytes: ``sizeLimit`` of /tmp.
        """
        api = self.settings.api
        workers = api.workers * (_WORKER + api.limits.max_raw_mb * _MIB)
        late = api.limits.max_streams * self._jpeg_bytes
        return _MASTER + workers + late + self.variants_bytes + tmp_bytes


def _ring(slots: int, capacity_bytes: int) -> int:
    plan = SegmentHeader.plan(
        slots=slots,
        capacity_bytes=capacity_bytes,
        page_bytes=os.sysconf("SC_PAGESIZE"),
        epoch=Epoch(1),
        boot_id=bytes(16),
        writer_pid=0,
        label="",
    )
    return plan.total_bytes
