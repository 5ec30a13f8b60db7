"""What the tests of dying processes share: the stage that starts them, and the world that each of them copies."""

from collections.abc import Iterator

import pytest

from sandbox import Sandbox
from tests.faults.crashing_worlds import Stage, stage
from tests.processes import own_database


@pytest.fixture(scope="session")
def _world_and_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Stage]]:
    folder = tmp_path_factory.mktemp("world")
    with own_database(folder) as url, stage(url, folder) as made, Sandbox(port=0) as sandbox:
        made.done(url, "set_up", sandbox=sandbox, folder=folder)
        yield url, made


@pytest.fixture(scope="session")
def world(_world_and_stage: tuple[str, Stage]) -> str:
    """A database of which each test makes its own copy."""
    return _world_and_stage[0]


@pytest.fixture(scope="session")
def on_stage(_world_and_stage: tuple[str, Stage]) -> Stage:
    """What starts processes."""
    return _world_and_stage[1]
