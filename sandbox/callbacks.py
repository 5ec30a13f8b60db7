"""What the providers send back later, as a webhook to the one callback URL. It never calls anything but loopback."""

import http.client
import json
import logging
import threading
from urllib.parse import urlsplit

logger = logging.getLogger("sandbox")

#: Seconds before each attempt after the first; a receiver that is down for longer loses the callback.
RETRY_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
TIMEOUT_SECONDS = 10.0


def check_callback_url(url: str) -> str:
    """Give the URL back when it is plain http to this machine.

    :raises ValueError: when it leads anywhere else.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost", "::1") or parts.username:
        raise ValueError("The callback URL must be plain http to 127.0.0.1, localhost or [::1].")
    _ = parts.port  # raises ValueError for a port that is none
    return url


class Callbacks:
    """Posts payloads in the background and tries again a few times while the receiver is down."""

    def __init__(self, url: str | None, *, stopping: threading.Event) -> None:
        self.url: str | None = None
        self._stopping = stopping
        self._threads: set[threading.Thread] = set()
        self.set_url(url)

    def set_url(self, url: str | None) -> None:
        """Send callbacks to `url` from now on; None drops them.

        :raises ValueError: when it leads away from this machine.
        """
        self.url = None if url is None else check_callback_url(url)

    def post_later(self, payload: object, *, after: float) -> None:
        """Post `payload` in `after` seconds, to the callback URL that is set by then."""
        thread = threading.Thread(target=self._post, args=(json.dumps(payload).encode(), after), daemon=True)
        self._threads.add(thread)
        thread.start()

    def join(self, *, timeout: float) -> None:
        """Let posts that are under way end, once `stopping` is set."""
        for thread in tuple(self._threads):
            thread.join(timeout)

    def _post(self, body: bytes, after: float) -> None:
        try:
            for pause in (after, *RETRY_PAUSES):
                if self._stopping.wait(pause) or self.url is None or self._delivered(self.url, body):
                    return
            logger.warning("A callback was not taken after %d attempts.", len(RETRY_PAUSES) + 1)
        finally:
            self._threads.discard(threading.current_thread())

    @staticmethod
    def _delivered(url: str, body: bytes) -> bool:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_SECONDS)
        try:
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            connection.request("POST", target, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return 200 <= response.status < 300
