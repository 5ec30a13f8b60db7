"""A folder is there as a whole or not at all, whatever ends its making."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from audit.export.folder import FolderTaken, new_folder, temporary_folder

_WRITES_AND_WAITS = """
import sys, time
from pathlib import Path
from audit.export.folder import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half.csv").write_text("half")
    print("written", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_with_all_its_files(tmp_path: Path) -> None:
    place = tmp_path / "deep" / "out"
    with new_folder(place) as folder:
        (folder / "a.csv").write_text("a")
        assert not place.exists()

    assert names(place) == ["a.csv"]
    assert place.stat().st_mode & 0o077 == 0
    assert names(place.parent) == ["out"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), new_folder(tmp_path / "out") as folder:
        (folder / "a.csv").write_text("a")
        raise OSError("full")

    assert names(tmp_path) == []


def test_what_a_killed_process_left_behind_is_removed_by_the_next_one(tmp_path: Path) -> None:
    place = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITES_AND_WAITS, str(place)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None and process.stdout.readline() == b"written\n"
    with new_folder(place):
        assert len(names(tmp_path)) == 2  # its process is alive: it is left alone
    place.rmdir()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not place.exists()
    with new_folder(place) as folder:
        assert names(tmp_path) == [folder.name]


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "full", "link"):
        with pytest.raises(FolderTaken), new_folder(tmp_path / name):
            pytest.fail("it must not begin")
    assert names(tmp_path) == ["file", "full", "link"]


def test_a_folder_that_is_taken_meanwhile_stays(tmp_path: Path) -> None:
    place = tmp_path / "out"
    with pytest.raises(FolderTaken), new_folder(place) as folder:
        (folder / "a.csv").write_text("a")
        place.mkdir()
        (place / "theirs").write_text("x")

    assert names(tmp_path) == ["out"]
    assert names(place) == ["theirs"]


def test_an_empty_folder_may_be_there_already(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        (folder / "a.csv").write_text("a")

    assert names(tmp_path / "out") == ["a.csv"]


def test_a_temporary_folder_goes(tmp_path: Path) -> None:
    with temporary_folder(tmp_path, "x[1]-") as folder:
        (folder / "a").write_text("a")
        assert folder.stat().st_mode & 0o077 == 0

    assert names(tmp_path) == []
