"""Mutants that change nothing anybody could see, each with why: by module and the mutant's name."""

EQUIVALENT: dict[str, dict[str, str]] = {
    "audit.ledger": {
        "_lock_head: sequence, digest = found[0]  ->  sequence, digest = found[-1]": (
            "The statement asks for the row with id 1, its primary key: the first row is the last."
        ),
        "_plain: case None | bool() | int():  ->  case None | int():": "Every bool is an int.",
    },
    "contacts.gate": {
        "_is_fresh: return False  ->  return None": "Its one caller asks only whether it is true.",
    },
    "numbers.limits": {
        "Refused.__init__: super().__init__(message)  ->  pass": (
            "An exception keeps its arguments before `__init__` is asked."
        ),
        "<module>: _CODES = 'current_codes'  ->  _CODES = 'current_codesx'": (
            "An attribute that this module alone sets and reads."
        ),
        (
            "<module>: ssage: str, *, free_at: datetime, now: datetime, count: int=0, "
            "whose: Whose=Whose.OURS) -> None:  ->  "
            "ssage: str, *, free_at: datetime, now: datetime, count: int=1, whose: Whose=Whose.OURS) -> None:"
        ): "Messages without a place for a count take none.",
        (
            "<module>: ssage: str, *, free_at: datetime, now: datetime, count: int=0, "
            "whose: Whose=Whose.OURS) -> None:  ->  "
            "ssage: str, *, free_at: datetime, now: datetime, count: int=-1, whose: Whose=Whose.OURS) -> None:"
        ): "Messages without a place for a count take none.",
        (
            "_codes: ent.exclude(outcome__in=[Outcome.NOT_SENT, Outcome.REFUSED]).order_by('-started_at', '-pk')  ->  "
            "ent.exclude(outcome__in=[Outcome.NOT_SENT, Outcome.REFUSED])"
        ): "It is the order of the model itself.",
        "in_words: zone = local.tzname() or 'UTC'  ->  zone = local.tzname()": (
            "Every zone has a name; the other branch is for the type of `tzname`."
        ),
        "in_words: zone = local.tzname() or 'UTC'  ->  zone = local.tzname() or 'UTCx'": (
            "Every zone has a name; the other branch is for the type of `tzname`."
        ),
    },
}
