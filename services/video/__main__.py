"""The Video Module: ``python -m services.video [config.json] [--camera=door] [--video.source=…]``.

``--camera`` says which one of ``cameras`` it writes; else it is the default one, the first.

Build, wire, run, tear down in reverse. Exit codes: 0 somebody ended it, or a file that is not
looped is through; 1 it cannot work here (another writer, no room), or hangs; 2 the settings are
wrong.

``--print-config`` prints every setting and where it came from instead, ``--print-config=json`` for
programs.

``--exit-with-stdin`` ends it when its standard input does, so that it never outlives whoever
started it with a pipe, however that one died.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import queue
import signal
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn

from services.video.backoff import Backoff
from services.video.camera_option import as_written, camera_option, captured_camera
from services.video.capture import CaptureLoop
from services.video.grabber import GRABBER_THREAD, Grabber
from services.video.messages import Inbox, StopRequested
from services.video.notify import Notifier
from services.video.sources import open_source
from services.video.sources.node import node_name
from services.video.watchdog import Pulse, Watchdog, end_process
from shared.errors import ConfigError, RingSpaceError, RingUnavailable, WriterConflict
from shared.logs import configure_logging, log_start
from shared.naming import segment_paths
from shared.publisher import Publisher
from shared.ring.writer import RingWriter
from shared.settings import load_settings
from shared.settings_inputs import file_argument
from shared.settings_origin import print_config
from shared.version import version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType

    from services.video.sources.source import Source
    from shared.frame import FrameInfo
    from shared.naming import SegmentPaths
    from shared.settings import Settings
    from shared.settings_schema import VideoSettings

__all__ = ["main"]

log = logging.getLogger("services.video")

_EXIT_WITH_STDIN: Final = "--exit-with-stdin"
_GRABBER_TIMEOUT_S: Final = 0.3
_EXIT_FAILED: Final = 1
_EXIT_MISCONFIGURED: Final = 2


def main(arguments: Sequence[str]) -> int:
    """Run the service.

    Args:
        arguments: Of the command line, without the program.

    Returns:
        The exit code.
    """
    faulthandler.enable()
    camera, others = camera_option(arguments)
    config_path, options = file_argument([each for each in others if each != _EXIT_WITH_STDIN])
    inbox: Inbox = queue.SimpleQueue()
    try:
        printed = print_config(options, config_path)
        if printed is not None:
            sys.stdout.write(printed)
            return 0
        all_settings = load_settings(config_path, arguments=options)
        name = captured_camera(all_settings, camera)
        settings = all_settings.for_camera(name)
        always = {"camera": name} if settings.cameras else {}
        configure_logging(settings.logging.level, settings.logging.format, always)
        stop_on_signals(inbox)
        if _EXIT_WITH_STDIN in arguments:
            stop_with_stdin(inbox)
        try:
            ended = serve(settings, inbox)
        except ConfigError as error:
            raise ConfigError(as_written(error.problems, settings, name)) from error
    except ConfigError as error:
        sys.stderr.write(error.lines)
        return _EXIT_MISCONFIGURED
    except (WriterConflict, RingSpaceError, RingUnavailable) as error:
        log.critical("%s", error)
        return _EXIT_FAILED
    except Exception:
        log.exception("the Video Module met an error it does not know")
        return _EXIT_FAILED
    log.info("ended: %s", ended)
    return 0


def serve(settings: Settings, inbox: Inbox) -> str:
    """Build, wire, run, tear down in reverse.

    Returns:
        Why it ended.

    Raises:
        ConfigError: There is no such kind of source.
        WriterConflict: Another process writes this camera; nothing of it was touched.
        RingSpaceError: There is no room for the first segment.
        RingUnavailable: The directory is missing or not writable.
    """
    video = settings.video
    stopping = threading.Event()
    source = open_source(video, wait=stopping.wait)
    paths = segment_paths(video.shared_memory_name, video.shared_memory_directory)
    with contextlib.ExitStack() as stack:
        writer = RingWriter(
            paths,
            slots=video.ring.slots,
            reserve_bytes=video.ring.reserve_mb * 2**20,
            label=source.label,
            checksums=video.ring.checksums,
            hops=(node_name(video),),
        )
        stack.enter_context(writer)
        publisher = stack.enter_context(Publisher(paths))
        grabbing, turning = Pulse(GRABBER_THREAD), Pulse("capture loop")
        backoff = Backoff(video.retry.initial_sec, video.retry.max_sec)
        grabber = Grabber(source, inbox, backoff, stopping, grabbing)
        grabber.start()
        stack.callback(grabber.stop, _GRABBER_TIMEOUT_S)
        watchdog = Watchdog((turning, grabbing), video.hang_timeout_sec, end_process)
        stack.enter_context(watchdog)
        notifier = stack.enter_context(Notifier.from_environment())
        log.info("camera %s: source %s", paths.name, source.label)
        loop = CaptureLoop(source, grabber, writer, publisher, inbox, video)
        return loop.run(turning, notifier, partial(log_begin, video, source, paths))


def log_begin(video: VideoSettings, source: Source, paths: SegmentPaths, first: FrameInfo) -> None:
    """Log what runs here, once there is a ring.

    Args:
        video: ``video``.
        source: Open, or being waited for.
        paths: Of the camera.
        first: The first frame in the ring.
    """
    size = f"{first.geometry.width}x{first.geometry.height} {first.geometry.pixel_format.name}"
    facts = {
        "version": version(),
        "camera": paths.name,
        "source": source.label,
        "gives": source.details if first.online else "nothing yet",
        "frame": size if first.online else f"{size}, no signal",
        "passthrough": "yes, JPEGs stay as they are" if video.passthrough else "no, all decoded",
        "ring": paths.ring,
        "slots": video.ring.slots,
        "bytes": ring_bytes(paths.ring),
        "epoch": first.epoch,
        "socket": paths.socket,
    }
    log_start(log, "the Video Module", facts)


def ring_bytes(ring: Path) -> int | str:
    """How large the ring is; somebody may have removed it already."""
    try:
        return ring.stat().st_size
    except OSError as error:
        return str(error)


def stop_on_signals(inbox: Inbox) -> None:
    """Let SIGTERM, SIGINT and SIGHUP end the capture loop, in its own time, at most 200 ms later.

    SIGHUP is a terminal that was closed; under ``nohup`` it stays ignored.
    """

    def request_stop(number: int, _frame: FrameType | None) -> None:
        inbox.put(StopRequested(signal.Signals(number).name))

    signal.signal(signal.SIGTERM, request_stop)
    signal.signal(signal.SIGINT, request_stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, request_stop)


def stop_with_stdin(inbox: Inbox) -> None:
    """Let the end of the standard input end the capture loop."""

    def wait_for_the_end() -> None:
        with contextlib.suppress(OSError):  # not open at all is an end too
            while os.read(0, 4096):
                continue
        inbox.put(StopRequested("the end of its standard input"))

    threading.Thread(target=wait_for_the_end, name="stdin", daemon=True).start()


def leave(exit_code: int) -> NoReturn:
    """End the process; everything that others can see is cleaned up by now.

    A grabber that hangs in C (a dead camera's driver, a name service that does not answer) cannot
    be joined, and the interpreter's own end would run OpenCV's destructors under its feet: then,
    and only then, the process ends without them.
    """
    if any(thread.name == GRABBER_THREAD for thread in threading.enumerate()):
        log.warning("the source still hangs; leaving without it")
        logging.shutdown()
        os._exit(exit_code)
    sys.exit(exit_code)


if __name__ == "__main__":
    leave(main(sys.argv[1:]))
