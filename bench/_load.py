"""A small load generator: kept-alive connections on loopback, one request under way on each.

`closed` sends as fast as the answers come, `paced` at the times that a rate prescribes; a latency counts from the time
at which the request was due, so that a slow server cannot hide behind a generator that waits for it.
"""

import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """What a load saw: how long it took, each latency, each status."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Give answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, share: float) -> float:
        """Give the latency that this share of the requests stayed within."""
        return sorted(self.latencies)[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def request_bytes(path: str, body: bytes, **headers: str) -> bytes:
    """Write one POST."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def closed(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send all requests, each connection its next one as soon as its last is answered."""
    return _run(port, requests, connections, None)


def paced(port: int, requests: Sequence[bytes], connections: int, rate: float) -> Load:
    """Send the requests at `rate` a second, each on a connection that is free."""
    return _run(port, requests, connections, rate)


def _run(port: int, requests: Sequence[bytes], connections: int, rate: float | None) -> Load:
    load, selector = Load(), selectors.DefaultSelector()
    free = []
    for _connection in range(connections):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(sock, selectors.EVENT_READ)
        free.append(sock)
    begun: dict[socket.socket, float] = {}
    sent, begin = 0, time.perf_counter()
    while len(load.latencies) < len(requests):
        now = time.perf_counter()
        while free and sent < len(requests) and (rate is None or begin + sent / rate <= now):
            sock = free.pop()
            begun[sock] = now if rate is None else begin + sent / rate
            sock.sendall(requests[sent])
            sent += 1
        if rate is None or sent == len(requests) or not free:
            wait = 5.0
        else:
            wait = max(0.0, begin + sent / rate - time.perf_counter())
        for key, _event in selector.select(wait):
            answered = key.fileobj
            assert isinstance(answered, socket.socket)
            head = answered.recv(65536)
            load.latencies.append(time.perf_counter() - begun.pop(answered))
            status = int(head[9:12]) if head else 0
            load.statuses[status] = load.statuses.get(status, 0) + 1
            free.append(answered)
    load.seconds = time.perf_counter() - begin
    for key in list(selector.get_map().values()):
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()
    return load
