"""Placeholder."""


class AccuAuth:
    def __init__(self, account: object) -> None: ...
