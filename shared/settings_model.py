"""All settings as one model, and what can be asked about any of them: field, range, name.

How values get in here is the business of ``settings.py``. Needs the extra ``settings`` (pydantic).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self, cast

from pydantic import AfterValidator, BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from .errors import ConfigError
from .naming import segment_paths
from .settings_api import ApiSettings
from .settings_cameras import DEFAULT_CAMERA, laid_over, possible_name, written_as
from .settings_inputs import ENV_PREFIX
from .settings_schema import LoggingSettings, VideoSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic.fields import FieldInfo

__all__ = [
    "Key",
    "Settings",
    "allowed_values",
    "field_at",
    "groups",
    "is_group",
    "keys",
    "variable",
]

Key = tuple[str, ...]
"""The names on the way to a setting: ``("video", "ring", "slots")``."""


class Settings(BaseSettings):
    """All settings of both services; frozen. Use ``load_settings`` to make one."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=ENV_PREFIX, env_nested_delimiter="__"
    )

    video: VideoSettings = VideoSettings()
    api: ApiSettings = ApiSettings()
    logging: LoggingSettings = LoggingSettings()
    cameras: dict[Annotated[str, AfterValidator(possible_name)], VideoSettings] = Field(
        default_factory=dict,
        description="The cameras there are, as a JSON object, name to settings: "
        '{"door": {"source": "rtsp://192.0.2.7/live"}} serves /stream/door. Each entry holds any '
        "setting of video, laid over it; its segment is named like the camera unless "
        "shared_memory_name says otherwise. The first is the default camera. An entry without "
        "source is a camera that somebody else writes. Empty: the one camera video.",
    )

    @model_validator(mode="before")
    @classmethod
    def _entries_are_complete(cls, values: dict[str, Any]) -> dict[str, Any]:
        return laid_over(values)

    @model_validator(mode="after")
    def _socket_paths_are_short_enough(self) -> Self:
        for name in self.camera_segments().values():
            segment_paths(name, self.video.shared_memory_directory)
        return self

    @property
    def legacy(self) -> bool:
        """Whether the API captures the camera by itself; never with ``cameras``."""
        return not self.cameras and not self.video.use_shared_memory

    def camera_segments(self) -> dict[str, str]:
        """Segment name of every camera, the default camera first."""
        if not self.cameras:
            return {DEFAULT_CAMERA: self.video.shared_memory_name}
        return {name: camera.shared_memory_name for name, camera in self.cameras.items()}

    def captured(self) -> list[str]:
        """The cameras that a Video Module here has to write: all that have a source."""
        return [
            name
            for name in self.camera_segments()
            if name == DEFAULT_CAMERA or "source" in self.cameras[name].model_fields_set
        ]

    def for_camera(self, name: str) -> Self:
        """The same settings, with ``video`` as one camera has it.

        Raises:
            ConfigError: There is no camera of this name.
        """
        known = self.camera_segments()
        if name not in known:
            raise ConfigError([f"there is no camera {name!r}; there are: {', '.join(known)}"])
        return self.model_copy(update={"video": self.cameras.get(name, self.video)})

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take values from the constructor only: ``load_settings`` merges what it was given."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def is_group(field: FieldInfo) -> bool:
    """Say whether a field holds further settings instead of a value."""
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def groups(
    model: type[BaseModel] = Settings, key: Key = ()
) -> Iterator[tuple[Key, type[BaseModel]]]:
    """Yield the groups of settings with their keys, each before those inside it."""
    yield key, model
    for name, field in model.model_fields.items():
        if is_group(field):
            yield from groups(cast("type[BaseModel]", field.annotation), (*key, name))


def keys() -> Iterator[tuple[Key, FieldInfo]]:
    """Yield every setting, group by group."""
    for key, model in groups():
        for name, field in model.model_fields.items():
            if not is_group(field):
                yield (*key, name), field


def variable(key: Key) -> str:
    """Spell a key as an environment variable."""
    return ENV_PREFIX + "__".join(key).upper()


def field_at(location: tuple[int | str, ...]) -> FieldInfo | None:
    """The field at the end of the names on the way to it; None: there is none."""
    section: type[BaseModel] = Settings
    key = written_as(tuple(map(str, location)))
    for name in key[:-1]:
        field = section.model_fields.get(name)
        if field is None or not is_group(field):
            return None
        section = cast("type[BaseModel]", field.annotation)
    return section.model_fields.get(key[-1]) if key else None


def allowed_values(location: tuple[int | str, ...]) -> str:
    """The range of a number setting as words, "2 to 64"; empty for other settings.

    Args:
        location: The names on the way to it, ``("video", "ring", "slots")``.
    """
    field = field_at(location)
    limits: dict[str, Any] = {}
    for rule in field.metadata if field is not None else ():
        limits |= {name: getattr(rule, name) for name in ("gt", "ge", "le") if hasattr(rule, name)}
    if "le" not in limits:
        return ""
    low = f"more than {limits['gt']}, at most" if "gt" in limits else f"{limits.get('ge')} to"
    return f"{low} {limits['le']}"
