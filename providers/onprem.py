"""Placeholder."""


class OnPremises:
    def __init__(self, account: object) -> None: ...
