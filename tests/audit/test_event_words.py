"""Every kind of ledger entry that the code writes has its words."""

import ast
import re
from collections.abc import Iterator

from audit.event_words import WORDS
from waadmin import BASE_DIR
from waadmin.roles import OUR_APPS

#: What looks like an action and is none: permissions, files, settings of others.
_OTHER = re.compile(
    rf"^({'|'.join(OUR_APPS)}|auth|django|csp|hub|wsgi|axes|admin|sys|os)\.|\.(json|jsonl|py|html|toml|csv|md|xlsx|zip|js|css|svg|txt|io|lock)$"
)
#: The first part of what the ledger's actions are called.
_NOUNS = frozenset(action.partition(".")[0] for action in WORDS)


def actions() -> Iterator[str]:
    for app in OUR_APPS:
        for path in (BASE_DIR / app).rglob("*.py"):
            if "migrations" in path.parts or path.name == "event_words.py":
                continue
            for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(call, ast.Call):
                    continue
                for argument in (*call.args[:2], *(one.value for one in call.keywords if one.arg == "action")):
                    for node in ast.walk(argument):
                        if isinstance(node, ast.Constant) and isinstance(node.value, str):
                            yield node.value


def test_every_action_has_its_words() -> None:
    written = {
        text
        for text in actions()
        if re.fullmatch(r"[a-z_]{2,}\.[a-z_]+", text) and not _OTHER.search(text) and text.partition(".")[0] in _NOUNS
    }

    assert len(written) > 80
    assert sorted(written - set(WORDS)) == []


def test_each_is_a_sentence_and_none_says_the_same_as_another() -> None:
    said = [str(words) for words in WORDS.values()]

    assert all(words[0].isupper() and words.endswith(".") for words in said)
    assert len(set(said)) == len(said)
