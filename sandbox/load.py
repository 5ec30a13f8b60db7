"""`python -m sandbox.load`: many signed webhooks a second from a process of its own, for benchmarks of the receiver.

Bounded in count and in time, to a loopback address only. It prints what came of it as JSON. The app secret comes from
an environment variable; with `--acknowledged` the digest of every body that was answered with 200 is written down, so
that a receiver that was killed meanwhile can be asked for each of them.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from sandbox.callbacks import check_callback_url
from sandbox.sending import KINDS, Load, Order

MOST_BODIES = 5_000_000
LONGEST_SECONDS = 3600.0
HIGHEST_RATE = 100_000.0
MOST_CONNECTIONS = 256
MOST_IN_A_BATCH = 1000


def main(arguments: list[str] | None = None) -> int:
    """Send a load; 0 when every body was acknowledged, 1 when not, 2 when it could not begin."""
    options = _parser().parse_args(arguments)
    secret = os.environ.get(options.app_secret_env, "")
    if not secret:
        print(f"The variable {options.app_secret_env} holds no app secret.", file=sys.stderr)
        return 2
    order = Order(
        url=options.url,
        secret=secret.encode(),
        count=options.count,
        rate=options.rate,
        seconds=options.seconds,
        connections=options.connections,
        batch=options.batch,
        events=options.events,
        redeliver=options.redeliver,
        seed=options.seed,
    )
    with Path(options.acknowledged).open("w") if options.acknowledged else nullcontext() as file:
        outcome = Load(order, acknowledged=file).run()
    print(json.dumps(outcome))
    return 0 if outcome["acknowledged"] == order.count else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox.load", description="Many signed webhooks a second.")
    add = parser.add_argument
    add("--url", type=_url, required=True, help="where they go; http to this machine")
    add("--app-secret-env", metavar="NAME", required=True, help="the variable with the secret that signs them")
    add("--count", type=_whole(MOST_BODIES), default=1000, help="how many bodies (default 1000)")
    add("--rate", type=_number(HIGHEST_RATE), default=0.0, help="bodies a second; 0, the default, as fast as it goes")
    add("--seconds", type=_number(LONGEST_SECONDS), default=60.0, help="when to begin no more (default 60)")
    add("--connections", type=_whole(MOST_CONNECTIONS), default=8, help="connections at once (default 8)")
    add("--batch", type=_whole(MOST_IN_A_BATCH), default=1, help="events in a body (default 1)")
    add("--events", choices=KINDS, default="mixed", help="what they tell (default mixed)")
    add("--redeliver", type=_number(LONGEST_SECONDS), default=0.0, help="seconds to send again what was not taken")
    add("--seed", default="", help="makes other message ids")
    add("--acknowledged", metavar="FILE", help="where the SHA-256 of each body that was taken is written, one a line")
    return parser


def _url(text: str) -> str:
    try:
        return check_callback_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
            raise argparse.ArgumentTypeError(f"a whole number from 1 to {most}")
        return int(text[:9])

    return read


def _number(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number <= most:
            raise argparse.ArgumentTypeError(f"a number from 0 to {most:.0f}")
        return number

    return read


if __name__ == "__main__":
    sys.exit(main())
