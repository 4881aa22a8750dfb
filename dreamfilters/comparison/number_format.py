"""Numbers as text for people."""

import numpy as np


def number(value: float) -> str:
    """Return a number with three significant digits.

    >>> [number(value) for value in (0.012345, 3.1, 1234.5, -2, -0.0)]
    ['0.0123', '3.10', '1234', '−2.00', '0']
    """
    if not np.isfinite(value):
        return "not a number" if np.isnan(value) else "∞" if value > 0 else "−∞"
    whole = 99.95 <= abs(value) < 1e6
    text = f"{value + 0.0:.0f}" if whole or value == 0 else f"{value:#.3g}"  # + 0.0: there is no sign of zero
    return text.replace("-", "−")


def percent(share: float | None) -> str:
    """Return a share as a percentage that is 100 or 0 only where it is exact, "–" for None.

    >>> [percent(share) for share in (0.5, 0.9999, 1.0, 0.0004)]
    ['50 %', '> 99.9 %', '100 %', '< 0.1 %']
    """
    if share is None:
        return "–"
    if 0.999 < share < 1:
        return "> 99.9 %"
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.3g} %"


def times(ratio: float) -> str:
    """Return a ratio with a multiplication sign.

    >>> times(1.832)
    '1.83 ×'
    """
    return f"{number(ratio)} ×"


def grouped(count: int) -> str:
    """Return a count with its thousands separated.

    >>> grouped(12630)
    '12\\u202f630'
    """
    return f"{count:,}".replace(",", "\u202f")
