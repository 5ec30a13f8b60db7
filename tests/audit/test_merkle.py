"""The Merkle root of a bulk operation is the one of RFC 6962, whatever the number of its rows."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import MerkleTree

# The leaves and roots that Certificate Transparency implementations test themselves with.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: list[bytes]) -> bytes:
    """The definition in RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


@pytest.mark.parametrize("count", range(9))
def test_the_published_vectors_hold(count: int) -> None:
    assert MerkleTree(LEAVES[:count]).root() == ROOTS[count]
    assert naive_root(LEAVES[:count]).hex() == ROOTS[count]


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_leaves_taken_one_by_one_give_the_root_of_the_definition(leaves: list[bytes]) -> None:
    tree = MerkleTree(leaves)
    assert tree.count == len(leaves)
    assert tree.root() == naive_root(leaves).hex()


def test_the_root_may_be_asked_for_at_any_time_and_changes_nothing() -> None:
    tree = MerkleTree()
    for count, leaf in enumerate(LEAVES):
        assert tree.root() == tree.root() == ROOTS[count]
        tree.add(leaf)
    assert tree.root() == ROOTS[8]


def test_a_leaf_can_not_pass_for_an_inner_node() -> None:
    inner = hashlib.sha256(b"\x00a").digest() + hashlib.sha256(b"\x00b").digest()
    assert MerkleTree([inner]).root() != MerkleTree([b"a", b"b"]).root()


def test_order_and_repetition_count() -> None:
    assert len({MerkleTree(leaves).root() for leaves in ([b"a", b"b"], [b"b", b"a"], [b"a", b"b", b"b"], [b"a"])}) == 4


def test_a_million_leaves_are_held_in_twenty_digests() -> None:
    tree = MerkleTree(b"x" for _ in range(2**14 - 1))
    assert len(tree._peaks) == 14
