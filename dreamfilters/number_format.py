"""Numbers as text for people."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """Return a number with three significant digits.

    >>> [number(value) for value in (0.012345, 3.1, 1234.5, -2, -0.0)]
    ['0.0123', '3.10', '1234', '−2.00', '0']
    """
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "∞" if value > 0 else "−∞"
    whole = 99.95 <= abs(value) < 1e6
    text = f"{value + 0.0:.0f}" if whole or value == 0 else f"{value:#.3g}"  # + 0.0: there is no sign of zero
    return text.replace("-", "−")


def percent(share: float | None, decimals: int | None = None) -> str:
    """Return a share as a percentage that is 100 or 0 only where it is exact, "–" for None.

    Args:
        share: 1 is 100 %.
        decimals: of the percentage; default: three significant digits.

    >>> [percent(share) for share in (0.5, 0.9999, 1.0, 0.0004)]
    ['50 %', '> 99.9 %', '100 %', '< 0.1 %']
    >>> [percent(share, 1) for share in (0.5, 0.9994, 0.9999, 1.0)]
    ['50.0 %', '99.9 %', '> 99.9 %', '100.0 %']
    """
    if share is None:
        return "–"
    if decimals is None:
        bound = "> 99.9 %" if 0.999 < share < 1 else "< 0.1 %" if 0 < share < 0.001 else ""
        return bound or (f"{100 * share:.3g} %" if abs(share) < 10 else f"{100 * share:.0f} %")  # no exponent
    text, step = f"{100 * share:.{decimals}f}", 10.0**-decimals
    if share < 1 and float(text) == 100:
        return f"> {100 - step:.{decimals}f} %"
    if share > 0 and float(text) == 0:
        return f"< {step:.{decimals}f} %"
    return f"{text} %"


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
