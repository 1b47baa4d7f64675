"""Which numbers of a camera are exposed, under which names; those by variant are not here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.api.counters import Counters
    from services.api.histogram import Histogram
    from services.api.workers import Together

__all__ = ["CAMERA_COUNTERS", "CAMERA_GAUGES", "HISTOGRAMS"]

CAMERA_COUNTERS: Final[tuple[tuple[str, str, Callable[[Together], float]], ...]] = (
    (
        "frames_captured",
        (
            "Frames in the camera's ring over all lives of the Video Module that were seen, the "
            "pictures saying that there is no signal among them."
        ),
        lambda known: known.chronicle.captured_total,
    ),
    (
        "source_frames_lost",
        "Frames that the source had and the Video Module could not take.",
        lambda known: known.chronicle.lost_total,
    ),
    (
        "video_restarts",
        "New lives of the Video Module or its ring after the first one that was seen.",
        lambda known: max(0, known.chronicle.lives - 1),
    ),
    (
        "frames_missed",
        "Frames that came and went between two looks at a variant: a worker was late, no client.",
        lambda known: known.counters.missed,
    ),
    (
        "frames_overwritten",
        "Frames that the writer replaced while they were being encoded.",
        lambda known: known.counters.overwritten,
    ),
    (
        "frames_damaged",
        "Looks at frames that were not what their writer stored; nobody is sent one.",
        lambda known: known.counters.damaged,
    ),
    (
        "frames_skipped",
        "Frames that clients did not get because they want fewer per second; summed over clients.",
        lambda known: known.counters.skipped,
    ),
    (
        "frames_dropped",
        "Frames that clients were too slow for; summed over clients.",
        lambda known: known.counters.dropped,
    ),
    (
        "parts_sent",
        (
            "Parts of streams sent, repeats among them. Cache hits: the share that needed no "
            "encoding is 1 - rate(ringcast_frames_encoded_total) / "
            "rate(ringcast_parts_sent_total); single "
            "pictures are encoded too but are no parts, so with many of them it is too low."
        ),
        lambda known: known.counters.sent,
    ),
    (
        "parts_repeated",
        "Parts of streams sent again after a silence.",
        lambda known: known.counters.repeated,
    ),
    (
        "sent_bytes",
        "Length of all parts sent, with what surrounds the pictures.",
        lambda known: known.counters.bytes,
    ),
    ("streams", "Streams that began.", lambda known: known.counters.streams),
    (
        "streams_refused",
        "Streams that api.limits did not let in.",
        lambda known: known.counters.turned_away,
    ),
    (
        "streams_stalled",
        "Streams ended because the client took nothing for too long.",
        lambda known: known.counters.stalled,
    ),
    (
        "streams_aged",
        "Streams ended because they were as old as api.limits.max_stream_age_sec allows.",
        lambda known: known.counters.aged,
    ),
    (
        "streams_drained",
        "Streams ended because a worker shuts down.",
        lambda known: known.counters.drained,
    ),
    (
        "encode_errors",
        "Frames that could not be encoded.",
        lambda known: known.counters.encode_errors,
    ),
    (
        "frames_decoded",
        "JPEGs of the camera that were decoded.",
        lambda known: known.counters.decoded,
    ),
    (
        "notifications",
        "Messages of a new frame that came, in each worker.",
        lambda known: known.counters.notifications,
    ),
    (
        "messages_refused",
        "Messages and frames that contradicted the format, in each worker.",
        lambda known: known.counters.refused,
    ),
)
"""Name without ``ringcast_`` and ``_total``, help, value."""

HISTOGRAMS: Final[tuple[tuple[str, str, Callable[[Counters], Histogram]], ...]] = (
    (
        "frame_age_seconds",
        (
            "From capture to the moment a picture was sent to a client; blanks and repeats, which "
            "are no news, are not among them."
        ),
        lambda counters: counters.ages,
    ),
    (
        "encode_seconds",
        "What encoding a frame took in the encoder's threads.",
        lambda counters: counters.encodings,
    ),
)
"""Name without ``ringcast_``, help, which."""


def _of_relay(
    status: dict[str, Any], value: Callable[[dict[str, Any]], float | None]
) -> float | None:
    relay = status["relay"]
    return None if relay is None else value(relay)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1e3


CAMERA_GAUGES: Final[tuple[tuple[str, str, Callable[[dict[str, Any]], float | None]], ...]] = (
    (
        "camera_online",
        "1: frames come, and they are pictures of the source; 0: not.",
        lambda status: float(status["online"]),
    ),
    (
        "source_frames_per_second",
        "Measured rate of the frames in the ring over the last two seconds.",
        lambda status: status["fps"],
    ),
    (
        "newest_frame_age_seconds",
        "How long ago the newest frame was captured; absent while there was none.",
        lambda status: None if status["age_ms"] is None else status["age_ms"] / 1e3,
    ),
    (
        "ring_bytes",
        "Size of the camera's ring; absent while there is none.",
        lambda status: status["shm"]["ring"],
    ),
    (
        "ring_epoch_timestamp_seconds",
        "When the present life of the ring began, by the Video Module's wall clock.",
        lambda status: None if status["ring_epoch"] is None else int(status["ring_epoch"]) / 1e9,
    ),
    (
        "relay_hops",
        "Nodes the frames come through, the origin and this one counted; absent on an origin.",
        lambda status: _of_relay(status, lambda relay: len(relay["hops"])),
    ),
    (
        "relay_clock_offset_seconds",
        "How far the origin's wall clock is ahead of this host's; absent there, or not known.",
        lambda status: _of_relay(status, lambda relay: _seconds(relay["clock_offset_ms"])),
    ),
    (
        "relay_clock_uncertainty_seconds",
        "What relay_clock_offset_seconds may be wrong by at most, over all hops.",
        lambda status: _of_relay(status, lambda relay: _seconds(relay["clock_uncertainty_ms"])),
    ),
    (
        "relay_reconnects",
        "How often this life of the Video Module connected again to the node it relays.",
        lambda status: _of_relay(status, lambda relay: relay["reconnects"]),
    ),
)
"""Name without ``ringcast_``, help, value from the camera's status; None: there is none now."""
