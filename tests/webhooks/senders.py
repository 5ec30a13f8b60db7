"""Senders that behave like Meta: many connections, signed bodies, and redelivery until the answer is 200."""

import http.client
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from tests.webhooks.deliveries import ADDRESS, APP_SECRET
from webhooks import signature


class Senders:
    """Sends bodies over several connections; knows which were acknowledged."""

    def __init__(self, port: int, bodies: Sequence[bytes], *, connections: int = 8, redeliver: bool = False) -> None:
        self.acknowledged: list[bytes] = []
        self.refused = 0
        self._port, self._redeliver = port, redeliver
        self._todo: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        for body in bodies:
            self._todo.put(body)
        self._left = len(bodies)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _connection in range(connections)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        self.wait(30)

    def wait(self, seconds: float) -> bool:
        """Wait until every body is acknowledged, or the senders have stopped."""
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _send(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._over.is_set() and self._left > 0:
            try:
                body = self._todo.get(timeout=0.2)
            except queue.Empty:
                continue
            connection, status = self._post(connection, body)
            with self._lock:
                if status == 200:
                    self.acknowledged.append(body)
                    self._left -= 1
                    continue
                self.refused += 1
            if self._redeliver:
                time.sleep(0.05)
                self._todo.put(body)
            elif status == 0:
                return
        if connection is not None:
            connection.close()

    def _post(
        self, connection: http.client.HTTPConnection | None, body: bytes
    ) -> tuple[http.client.HTTPConnection | None, int]:
        connection = connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature.sign(body, APP_SECRET)}
        try:
            connection.request("POST", ADDRESS, body, headers)
            with connection.getresponse() as answer:
                answer.read()
                return connection, answer.status
        except (OSError, http.client.HTTPException):
            with suppress(OSError):
                connection.close()
            return None, 0
