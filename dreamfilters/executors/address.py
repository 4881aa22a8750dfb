"""The address of a Ray cluster, which is checked before anything is loaded."""

from __future__ import annotations

from dreamfilters.errors import UsageError, printable

NEEDS_RAY = "--cluster: needs Ray, which is not installed; pip install 'dreamfilters[cluster]'"
LOCAL_CLUSTER = "local"  # the address of a cluster that is started on this machine, and ends with the run


def check_address(address: str) -> tuple[str, int] | None:
    """Return the host and port of the address of a cluster, None for a local one.

    Raises:
        UsageError: it is no address.

    >>> check_address("10.0.0.1:6379")
    ('10.0.0.1', 6379)
    """
    if address == LOCAL_CLUSTER:
        return None
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UsageError(
            f"--cluster {printable(address[:60])}: is no address; give host:port, such as 10.0.0.1:6379, or 'local'"
        )
    return host.strip("[]"), int(port)
