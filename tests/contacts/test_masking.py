"""Masking by default: whoever forgets to ask whether a number may be shown shows too little and never too much."""

from contacts import masking


def test_where_nobody_asked_a_number_is_masked() -> None:
    assert not masking.is_in_full()
    assert "987654" not in masking.number("+51987654321").replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    assert masking.text("987654321") == "••••••321"
