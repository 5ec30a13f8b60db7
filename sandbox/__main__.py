"""`python -m sandbox`: the providers in the foreground until SIGINT or SIGTERM."""

import argparse
import logging
import os
import signal
import sys
import threading
from types import FrameType

from sandbox import endings, magic, message_endings, people_pages, phone_page
from sandbox.callbacks import check_callback_url
from sandbox.control import LONGEST_LATENCY, PREFIX, is_latency
from sandbox.server import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Serve until told to stop; 0 when stopped, 1 when the port is taken."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s")
    stop = threading.Event()

    def told_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, told_to_stop)
    signal.signal(signal.SIGTERM, told_to_stop)
    app_secret = os.environ.get(options.app_secret_env, "") if options.app_secret_env else ""
    if options.webhook_url and not app_secret:
        print("A webhook URL needs --app-secret-env, the name of a variable that holds the secret.", file=sys.stderr)
        return 2
    sandbox = Sandbox(
        port=options.port,
        callback_url=options.callback_url,
        webhook_url=options.webhook_url,
        app_secret=app_secret,
        slow=options.slow,
        latency=options.latency,
        pace=options.pace,
    )
    try:
        sandbox.start()
    except OSError as error:
        print(f"Port {options.port} cannot be used: {error.strerror}.", file=sys.stderr)
        return 1
    print(f"Sandbox at {sandbox.url}; what arrives is shown at {sandbox.url}{PREFIX}", flush=True)
    print(f"Codes for business numbers arrive at {sandbox.url}{phone_page.PREFIX}", flush=True)
    print(f"People's telephones are at {sandbox.url}{people_pages.PAGE}", flush=True)
    stop.wait()
    sandbox.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="The providers on one loopback port.",
        epilog=(
            f"What happens by a number's last three digits:\n{magic.table_text()}\n\n"
            f"And by a business number's:\n{endings.table_text()}\n\n"
            f"And by a person's who gets messages:\n{message_endings.table_text()}"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=9009, help="port on 127.0.0.1, 0 for a free one (default 9009)")
    parser.add_argument("--callback-url", type=_callback_url, help="where callbacks are posted; http to this machine")
    parser.add_argument("--webhook-url", type=_callback_url, help="where signed webhooks go; http to this machine")
    parser.add_argument("--app-secret-env", metavar="NAME", help="the variable with the secret that signs them")
    parser.add_argument("--pace", type=_seconds, default=0.5, help="seconds between a message's statuses (default 0.5)")
    parser.add_argument("--slow", type=_seconds, default=5.0, help="seconds that slow numbers take (default 5)")
    parser.add_argument("--latency", type=_seconds, default=0.0, help="seconds that every answer takes (default 0)")
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _callback_url(text: str) -> str:
    try:
        return check_callback_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not is_latency(seconds):
        raise argparse.ArgumentTypeError(f"seconds are a number from 0 to {LONGEST_LATENCY:.0f}")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
