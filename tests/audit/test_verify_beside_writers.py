"""Verifying while others append gives no false alarm."""

import threading
from datetime import datetime

from django.db import connection, transaction

from audit import ledger, proof
from audit.proof import Result


def test_a_ledger_that_grows_meanwhile_is_consistent(postgresql: None, now: datetime) -> None:
    errors: list[BaseException] = []
    stop = threading.Event()

    def write() -> None:
        try:
            while not stop.is_set():
                with transaction.atomic():
                    ledger.record(action="opt_in.recorded", actor="ada", now=now)
        except BaseException as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        proofs = [proof.prove() for _ in range(30)]
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)

    assert errors == []
    assert {proved.result for proved in proofs} == {Result.CONSISTENT}, [proved.words() for proved in proofs]
    assert proofs[-1].events > proofs[0].events
