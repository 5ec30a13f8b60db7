"""A list whose filter holds a NUL, about which PostgreSQL cannot be asked, leads back to the list."""

import pytest

from tests import clients


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/audit/providercall/?kind=%00", "/contacts/message/?kind=%00"])
def test_a_nul_leads_back_to_the_list(address: str) -> None:
    answer = clients.browser(clients.ADMIN).get(address)

    assert answer.status_code == 302 and answer["Location"].endswith("?e=1")
