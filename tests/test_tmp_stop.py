import os, signal, time, pytest
from pathlib import Path
from tests.test_worker import url, worker, make_file, WORKERS
from tests.processes import until
@pytest.mark.parametrize("which", ["pusher", "workers", "sentinel"])
def test_stopped(url, worker, tmp_path, which):
    from tests.test_worker import _parent
    pids={"pusher":worker.pids(r"pushing tasks at (\d+)"),"workers":worker.pids(WORKERS),"sentinel":[_parent(worker.pids(WORKERS)[0])]}[which]
    for p in pids: os.kill(p, signal.SIGSTOP)
    make_file(url, tmp_path/"done")
    t=until((tmp_path/"done").exists, seconds=90, what=worker.text) if which!="sentinel" else 0
    if which=="sentinel": worker.says("silent for", seconds=90)
    print("RECOVERED", which, round(t,1))
