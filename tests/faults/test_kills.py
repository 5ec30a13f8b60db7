"""Each process of a running installation is killed, by turns, while check runs, imports and webhooks go on.

Every number ends once and is asked about once, nothing that was acknowledged is missing, nothing is stuck, no line is
imported twice, and the ledger verifies. FAULT_KILLS says how many processes are killed (default 2; the full count is
200), FAULT_SEED repeats a round. The first to die is always the whole worker. With -s it says how long each took to
recover: from the kill to the next answer on record, webhook taken, or step of what was started again.
"""

import os
import random
import signal
import statistics
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from sandbox import Sandbox
from tests.faults.crashing_installation import Installation, family
from tests.faults.crashing_invariants import World, always
from tests.faults.crashing_worlds import Stage, copied
from tests.processes import lives, manage, until
from tests.webhooks.test_serve_killed import free_port

KILLS = int(os.environ.get("FAULT_KILLS", "2"))
SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))
#: What the worker's watchdog and the server's parent promise, with a slow machine in mind.
RECOVERY_SECONDS = 90
#: Calls that a cluster has on their way, and the one that leaves beside its successor.
LOST_AT_MOST = 8
LINES = 2_000


def _next_answer(place: Installation) -> Callable[[], bool]:
    before = place.answers()
    return lambda: place.answers() > before


def _next_webhook(place: Installation) -> Callable[[], bool]:
    before = len(place.senders.acknowledged)
    return lambda: len(place.senders.acknowledged) > before


def kill_worker(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """Every process of the worker at once: nobody is left to tidy up."""
    pids = family(place.running["worker"].process.pid)
    for pid in pids:
        place.kill(pid)
    until(lambda: not any(lives(pid) for pid in pids[1:]), seconds=10, what="the killed processes end")
    recovered = _next_answer(place)
    place.start("worker")
    return recovered


def kill_worker_child(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """One process of the cluster, whichever it is: worker, monitor, pusher, sentinel."""
    watchdog = place.running["worker"].process.pid
    until(lambda: family(watchdog)[1:], seconds=60, what="the worker has a cluster")
    children = family(watchdog)[1:]
    place.ever += children
    place.kill(chance.choice(children))
    return _next_answer(place)


def kill_watchdog(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """The watchdog alone: its cluster leaves by itself, beside the next one."""
    place.ever += family(place.running["worker"].process.pid)[1:]
    place.kill(place.running["worker"].process.pid)
    place.running["worker"].process.wait(20)
    recovered = _next_answer(place)
    place.start("worker")
    return recovered


def kill_server(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """The server's parent; a service manager then ends what is left of its group, and starts it again."""
    place.kill(place.running["serve"].process.pid)
    place.running["serve"].process.wait(20)
    os.killpg(place.running["serve"].process.pid, signal.SIGKILL)
    recovered = _next_webhook(place)
    place.start("serve")
    return recovered


def kill_server_child(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """One process that serves; its parent starts another, or leaves that to the service manager."""
    pids = [pid for pid in place.running["serve"].pids(r"worker-\d+ with PID: (\d+)") if lives(pid)]
    if pids:
        place.kill(chance.choice(pids))
    taken = _next_webhook(place)

    def recovered() -> bool:
        # Granian takes two deaths within 5.5 seconds for a crash loop, and exits.
        if place.running["serve"].process.poll() is not None:
            place.start("serve")
        return taken()

    return recovered


def kill_import(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """An import in mid-file; the same command is given again, and goes on where it was."""
    command = place.import_command(place.file_of(place.started, lines=LINES))
    place.killed_in_mid_command(chance, *command, longest=6)
    before = place.facts_of_imports()
    manage(place.url, *command)
    return lambda: place.facts_of_imports() > before


def kill_check_command(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """A check run by a command; the worker finishes what it leaves."""
    arguments = ("check_contacts", "--provider", "acme-commbox", *place.some_numbers(15))
    place.killed_in_mid_command(chance, *arguments, longest=8)
    return _next_answer(place)


def kill_export(place: Installation, chance: random.Random) -> Callable[[], bool]:
    """An export into a folder; the same command is given again, and finds nothing in its way."""
    output = place.folder / f"export-{place.started}"
    since = ("--since", "2026-01-01", "--until", "2036-01-01", "--format", "csv", "--dataset", "checks")
    place.killed_in_mid_command(chance, "export_audit", *since, "--output", str(output), longest=5)
    if not output.exists():
        manage(place.url, "export_audit", *since, "--output", str(output))
    return (output / "manifest.json").exists


ROLES = {
    "worker": kill_worker,
    "worker child": kill_worker_child,
    "watchdog": kill_watchdog,
    "server": kill_server,
    "server child": kill_server_child,
    "import": kill_import,
    "check command": kill_check_command,
    "export": kill_export,
}


def roles(chance: random.Random) -> list[str]:
    """Give whom to kill, turn by turn: the whole worker first, then everybody equally often."""
    order = ["worker"]
    while len(order) < KILLS:
        order += chance.sample(list(ROLES), len(ROLES))
    return order[:KILLS]


def test_whoever_is_killed_every_number_ends_once_and_nothing_is_lost_or_stuck(
    world: str, on_stage: Stage, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    took: dict[str, list[float]] = defaultdict(list)
    with copied(world, tmp_path) as url, Sandbox(port=0, latency=0.4) as sandbox:
        place = Installation(url, sandbox, tmp_path, port=free_port(), numbers=600 + 200 * KILLS)
        manage(url, "shell", "-v0", "-c", _SPEAK_TO.format(url=sandbox.url))
        try:
            place.begin()
            for turn, role in enumerate(roles(chance)):
                sys.stdout.write(f"FAULT_SEED={SEED} kill {turn}: {role}\n")
                place.feed()
                time.sleep(chance.uniform(0, 1))  # so that it is met at any point of its work
                recovered = ROLES[role](place, chance)
                until(recovered, seconds=RECOVERY_SECONDS, what=f"{role} recovers: {place.described()}")
                took[role].append(time.monotonic() - place.killed_at)
        finally:
            place.end()
            _say(took)
        sandbox.conditions.latency = 0.0
        found = on_stage.done(url, "recover", sandbox=sandbox, folder=tmp_path, seconds=600)

        assert list(always(found, World(sandbox, tmp_path))) == []
    assert set(place.senders.acknowledged) <= set(found["stored"])
    assert set(found["runs"]) == {"FINISHED"}
    ends = Counter(status for _number, status in found["checks"])
    assert set(ends) <= {"VALID", "UNKNOWN"} and ends["VALID"] > 0
    assert ends["UNKNOWN"] <= (KILLS + 1) * LOST_AT_MOST
    assert {row[0] for row in found["imports"]} == {"FINISHED"}


_SPEAK_TO = "from providers.models import ProviderAccount; ProviderAccount.objects.update(base_url={url!r})"


def _say(took: dict[str, list[float]]) -> None:
    everybody = [one for some in took.values() for one in some]
    for role, seconds in [*took.items(), ("all", everybody)] if everybody else []:
        high = statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        sys.stdout.write(
            f"recovery, {role} (n={len(seconds)}): p50 {statistics.median(seconds):.1f} s, p95 {high:.1f} s, "
            f"max {max(seconds):.1f} s\n"
        )
