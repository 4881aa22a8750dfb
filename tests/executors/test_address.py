"""Addresses of clusters."""

import pytest

from dreamfilters.errors import UsageError
from dreamfilters.executors.address import check_address


@pytest.mark.parametrize("address", ["", "here", "host:", ":6379", "host:port", "host:99999"])
def test_what_is_no_address_is_one_line(address):
    with pytest.raises(UsageError, match="is no address; give host:port, such as"):
        check_address(address)
    assert check_address("local") is None
    assert check_address("ray://[::1]:10001") == ("::1", 10001)
