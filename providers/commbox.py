"""Placeholder."""


class CommBox:
    def __init__(self, account: object) -> None: ...
