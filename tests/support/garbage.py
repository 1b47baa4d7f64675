"""Bytes that nobody should send to an HTTP server, as many as are wanted, the same for a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["KINDS", "garbage"]

_TARGETS: Final = (
    *("/", "/healthz", "/readyz", "/cameras", "/favicon.ico", "/static/page.css"),
    *("/stream/video", "/stream/video/shm", "/stream/video/frame", "/stream/video/status"),
    *("/stream/video/shm/frame?quality=40&width=64", "/stream/video/shm/status", "/stream/none"),
)
_METHODS: Final = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"),
    *("PRI", "get", "BREW", "G\x00T", "M-SEARCH", "X" * 200, "GET\t", "\xffGET"),
)
_FORMS: Final = (
    *("*", "http://127.0.0.1/healthz", "http://evil.example/stream/video/shm", "HTTP://[::1]/"),
    *("http://", "http://[", "http://a:b@127.0.0.1:99999999/", "//evil.example/healthz"),
    *("evil.example:443", "", " ", "healthz", "../../etc/passwd", "/../../etc/passwd"),
    *("/static/../app.py", "/static/%2e%2e/app.py", "/stream/%2e%2e/frame", "/%00", "/%"),
    *("/%zz", "/%e0%80%80", "/stream/%ff%fe/frame", "/stream/video%2fshm", "/?%", "/#x"),
    *("/stream/video/frame?quality=%", "/stream/video/frame?%00=%00", "/stream//frame"),
    *("/stream/\xe4/frame", "/stream/video/frame?width=" + "9" * 3000, "/" + "a" * 5000),
)
_VERSIONS: Final = (
    *("HTTP/1.1", "HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "HTTP/1.10", "http/1.1"),
    *("HTTP/-1.1", "HTTP/1", "HTTP", "ICY", "", "HTTP/1.1 ", "HTTP/1.1\x00"),
)
_FIELDS: Final = (
    *("Host: 127.0.0.1", "Host: a\r\nHost: b", "Host: \x00", "Host:", "Host: \xff", "Host : a"),
    *("Content-Length: 5", "Content-Length: -1", "Content-Length: 1e3", "Content-Length: 5, 5"),
    *("Content-Length: 5\r\nContent-Length: 6", "Content-Length: " + "9" * 40),
    *("Transfer-Encoding: chunked", "Transfer-Encoding: chunked, chunked"),
    *("Transfer-Encoding: xchunked", "Transfer-Encoding: gzip", "Transfer-Encoding:\x0bchunked"),
    *("Content-Length: 4\r\nTransfer-Encoding: chunked", "Expect: 100-continue", "Expect: x"),
    *("Connection: close", "Connection: keep-alive", "Connection: upgrade\r\nUpgrade: h2c"),
    *("Range: bytes=0-", "Range: bytes=9-1", "Range: x", "If-None-Match: *", "Accept: \x7f"),
    *("If-Modified-Since: yesterday", "Cookie: " + "a=b; " * 50, "X-Forwarded-For: 1.2.3.4, x"),
    *("X-Forwarded-Proto: https", "Script-Name: /x", "Authorization: Basic !"),
    *(" folded", "\tfolded", ": no name", "no colon", "A" * 300 + ": x", "X: " + "b" * 9000),
    *("N\x00: x", "X: \r\r", "X: a\nY: b", "X\xff: y", "Authorization: Bearer \xff\xfe"),
)
_BODIES: Final = (b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\n", b"-1\r\n")
_TLS_HELLO: Final = (
    bytes.fromhex("160301020001 0001fc0303".replace(" ", "")) + bytes(range(256)) * 2
)
_HTTP2: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000")
_NOISE: Final = b"\x00\r\n\t :/%?#\xff\xfe\x80\x7f\x1b;,"


def _noise(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 7, 100, 5000)))


def _request(chance: random.Random) -> bytes:
    """A request that is right in some of its parts."""
    method = chance.choice(("GET", "GET", chance.choice(_METHODS)))
    target = chance.choice((chance.choice(_TARGETS), chance.choice(_FORMS)))
    version = chance.choice(("HTTP/1.1", "HTTP/1.0", chance.choice(_VERSIONS)))
    fields = chance.sample(_FIELDS, chance.choice((0, 1, 2, 5)))
    ending = chance.choice(("\r\n", "\r\n", "\n", "\r"))
    lines = [f"{method} {target} {version}", *fields, "", ""]
    return ending.join(lines).encode("latin-1") + chance.choice(_BODIES)


def _mutated(chance: random.Random) -> bytes:
    """A valid request with some bytes changed, put in, taken out, doubled or cut off."""
    target = chance.choice(_TARGETS)
    data = bytearray(
        f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
        f"User-Agent: fuzz\r\nContent-Length: 0\r\n\r\n".encode()
    )
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) or 1)
        change = chance.randrange(5)
        if change == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif change == 1:
            data[at:at] = bytes([chance.choice(_NOISE)])
        elif change == 2:
            del data[at : at + chance.randint(1, 8)]
        elif change == 3:
            data[at:at] = data[at : at + chance.randint(1, 30)] * chance.choice((1, 2, 40))
        else:
            del data[at + 1 :]
    return bytes(data)


def _giant(chance: random.Random) -> bytes:
    """Lines and fields that are too long or too many."""
    many = b"".join(b"X-%d: y\r\n" % number for number in range(chance.choice((99, 101, 3000))))
    return chance.choice(
        (
            b"GET /" + b"a" * chance.choice((4000, 4090, 8190, 70000)) + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + many + b"\r\n",
            b"GET / HTTP/1.1\r\nX: " + b"b" * chance.choice((8190, 65000, 200_000)) + b"\r\n\r\n",
            b"A" * chance.choice((10_000, 100_000)),
            b"\r\n" * 20_000,
        )
    )


def _other_protocol(chance: random.Random) -> bytes:
    """What belongs to another port."""
    return chance.choice(
        (
            *(
                _TLS_HELLO,
                _HTTP2,
                b"GET /\r\n",
                b"GET /healthz\n",
                b"SSH-2.0-x\r\n",
                b"\x05\x01\x00",
            ),
            *(
                b"OPTIONS rtsp://127.0.0.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
                b"EHLO x\r\n",
                b"\x80\x2e\x01",
            ),
        )
    )


def _pipelined(chance: random.Random) -> bytes:
    """Several requests on one connection, and shapes of smuggling."""
    plain = f"GET {chance.choice(_TARGETS)} HTTP/1.1\r\nHost: localhost\r\n"
    smuggled = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    between = chance.choice(
        (
            *("\r\n", "\r\n\r\n\r\n", f"Content-Length: {len(smuggled)}\r\n\r\n"),
            *("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
            *("Transfer-Encoding: chunked\r\n\r\n5;x=\r\nhello\r\n0\r\nX: y\r\n\r\n",),
            *("Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "\n\n"),
        )
    )
    return (plain + between + smuggled * chance.choice((1, 2, 20))).encode("latin-1")


KINDS: Final[dict[str, Callable[[random.Random], bytes]]] = {
    "noise": _noise,
    "request": _request,
    "mutated": _mutated,
    "giant": _giant,
    "other protocol": _other_protocol,
    "pipelined": _pipelined,
}
"""Kind of garbage and what makes one."""
_WEIGHTS: Final = (15, 35, 35, 3, 5, 7)


def garbage(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Make ``count`` inputs.

    Yields:
        Kind and bytes.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, nothing to be kept secret
    for kind in chance.choices(list(KINDS), _WEIGHTS, k=count):
        yield kind, KINDS[kind](chance)
