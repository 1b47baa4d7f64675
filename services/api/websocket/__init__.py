"""Pictures of many cameras over one connection: WebSocket (RFC 6455), subprotocol ``ringcast.v1``.

What a client says (JSON, text messages)::

    {"subscribe": "video", "id": 1, "quality": 80, "width": 640, "fps": 15, "window": 2}
    {"unsubscribe": 1}
    {"ack": 1, "number": 1234}          the frame was shown or dropped: one more may be sent

What it is told: ``{"subscribed": 1, …}``, ``{"ended": 1, "why": …}``, ``{"error": …}``, pictures as
binary messages (``messages.py``), and ``{"going": "why", "in_ms": 2000}``: the connection will end,
so it is time to open another.
"""
