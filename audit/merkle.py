"""The Merkle tree hash of RFC 6962, so that a bulk operation of any size is one link of the ledger."""

import hashlib
from collections.abc import Iterable


class MerkleTree:
    """Takes leaves one by one and gives their root; holds one digest per level, whatever the number of leaves."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.count = 0
        self._peaks: list[bytes] = []
        for leaf in leaves:
            self.add(leaf)

    def add(self, leaf: bytes) -> None:
        """Append one leaf."""
        digest = hashlib.sha256(b"\x00" + leaf).digest()
        position = self.count
        self.count += 1
        while position & 1:
            digest = hashlib.sha256(b"\x01" + self._peaks.pop() + digest).digest()
            position >>= 1
        self._peaks.append(digest)

    def root(self) -> str:
        """Give the root of the leaves so far as lower-case hex; of no leaves, the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256(b"").hexdigest()
        peaks = list(self._peaks)
        digest = peaks.pop()
        while peaks:
            digest = hashlib.sha256(b"\x01" + peaks.pop() + digest).digest()
        return digest.hex()
