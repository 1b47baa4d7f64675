"""The restricted Pod Security Standard, field by field, for the pods that we write.

Of the standard's fields these are all that a pod may not have, or must have, as of Kubernetes 1.37;
what only Windows or AppArmor hosts know is forbidden here altogether.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["violations"]

_VOLUMES: Final = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SECCOMP: Final = {"RuntimeDefault", "Localhost"}
_NOT_IN_POD: Final = ("sysctls", "windowsOptions", "appArmorProfile", "seLinuxOptions")
_NOT_IN_CONTAINER: Final = ("windowsOptions", "appArmorProfile", "seLinuxOptions", "procMount")
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")


def violations(spec: dict[str, Any]) -> list[str]:
    """What a pod that is to be admitted as restricted may not be; a sentence each."""
    every = [*spec.get("initContainers", []), *spec["containers"]]
    found = list(_of_pod(spec))
    for container in every:
        name = container["name"]
        found += [f"{name}: {what}" for what in _of_container(container, spec)]
    return found


def _of_pod(spec: dict[str, Any]) -> Iterator[str]:
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))
    context = spec.get("securityContext", {})
    yield from (name for name in _NOT_IN_POD if name in context)
    if "ephemeralContainers" in spec:
        yield "ephemeralContainers"
    for volume in spec.get("volumes", []):
        kinds = volume.keys() - {"name"}
        if not kinds <= _VOLUMES:
            yield f"volume {volume['name']} of kind {', '.join(kinds)}"


def _of_container(container: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    capabilities = context.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"]:
        yield "capabilities are not dropped"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    yield from (name for name in _NOT_IN_CONTAINER if name in context)
    yield from _of_user({**spec.get("securityContext", {}), **context})
    yield from _of_handlers(container)


def _of_user(context: dict[str, Any]) -> Iterator[str]:
    """Of what a container may set itself, or have from its pod."""
    if context.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if context.get("runAsUser") == 0:
        yield "runs as root"
    if context.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield "no seccomp profile"


def _of_handlers(container: dict[str, Any]) -> Iterator[str]:
    yield from (f"hostPort {p['hostPort']}" for p in container.get("ports", []) if "hostPort" in p)
    for probe in _PROBES:
        handler = container.get(probe, {})
        if "host" in handler.get("httpGet", {}) or "host" in handler.get("tcpSocket", {}):
            yield f"{probe} of another host"
