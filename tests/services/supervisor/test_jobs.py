"""What the settings say is to run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from services.supervisor.jobs import API, jobs_of
from shared.settings import Settings, load_settings

ROOT: Final = Path(__file__).resolve().parents[3]


def settings(**environ: str) -> Settings:
    return load_settings(environ=environ)


MANY = '{"door": {"source": "0"}, "yard": {}, "hall": {"source": "1"}}'


def test_without_cameras_it_is_one_video_module() -> None:
    [job] = jobs_of(settings(), with_api=False)
    assert job.name == "Video Module"
    assert job.command[1:] == ("-m", "services.video")


def test_every_camera_with_a_source_has_a_video_module_and_the_api_is_last() -> None:
    jobs = jobs_of(settings(RINGCAST_CAMERAS=MANY), with_api=True)
    assert [job.name for job in jobs] == ["Video Module of door", "Video Module of hall", API]
    assert jobs[1].command[1:] == ("-m", "services.video", "--camera=hall")


def test_a_job_is_another_one_when_what_it_rests_on_is() -> None:
    before = jobs_of(settings(RINGCAST_CAMERAS=MANY), with_api=True)

    def changed(**environ: str) -> list[str]:
        after = jobs_of(settings(**{"RINGCAST_CAMERAS": MANY, **environ}), with_api=True)
        return [job.name for job, old in zip(after, before, strict=True) if job != old]

    assert changed() == []
    assert changed(RINGCAST_CAMERAS__DOOR__SOURCE="7") == ["Video Module of door"]
    assert changed(RINGCAST_API__LIMITS__MAX_STREAMS="3") == [API]
    assert changed(RINGCAST_CAMERAS__DOOR__SHARED_MEMORY_NAME="x") == ["Video Module of door", API]
    assert changed(LOG_LEVEL="DEBUG") == [job.name for job in before]


def test_an_api_that_discovers_cameras_is_left_alone_when_they_change() -> None:
    def api(**environ: str) -> object:
        given = settings(RINGCAST_API__DISCOVER_CAMERAS="true", **environ)
        return jobs_of(given, with_api=True)[-1]

    before = api(RINGCAST_CAMERAS=MANY)
    assert api(RINGCAST_CAMERAS=MANY, RINGCAST_CAMERAS__GATE__SOURCE="0") == before
    renamed = {"RINGCAST_CAMERAS__HALL__SHARED_MEMORY_NAME": "x"}
    assert api(RINGCAST_CAMERAS=MANY, **renamed) != before
    assert api(RINGCAST_CAMERAS='{"yard": {}, "door": {"source": "0"}}') != before


def test_the_unit_of_systemd_runs_the_same_command_and_differs_in_the_camera_only() -> None:
    single, template = (
        {
            line
            for line in (ROOT / "deploy/systemd" / unit).read_text(encoding="utf-8").splitlines()
            if not line.startswith("#")
        }
        for unit in ("ringcast-video.service", "ringcast-video@.service")
    )
    [job] = jobs_of(settings(RINGCAST_CAMERAS__I__SOURCE="0"), with_api=False)
    command = " ".join(job.command[1:]).replace("=i", "=%i")
    assert template - single == {
        "Description=Ringcast Video Module of %i",
        "Conflicts=ringcast-video.service",
        f"ExecStart=/opt/ringcast/.venv/bin/python {command}",
    }
    assert len(single - template) == 2
