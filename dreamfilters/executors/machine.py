"""What has to be equal on two machines so that they compute the same bytes."""

from __future__ import annotations

import platform
from collections.abc import Mapping

from numpy._core._multiarray_umath import __cpu_features__  # type: ignore[import-not-found]  # not public

from dreamfilters.lazy_module import backend


def machine_facts() -> dict[str, str]:
    """Return the versions of the libraries, the processor with its vector instructions, and the number of threads."""
    features = sorted(name for name, found in __cpu_features__.items() if found)
    processor = {"processor": platform.machine(), "instructions": " ".join(features), "threads": str(backend.THREADS)}
    return {**backend.versions(), **processor}


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """Return what differs between two machines in one line, "" if nothing does.

    >>> difference({"numpy": "2.4.0", "instructions": "AVX2"}, {"numpy": "2.3.1", "instructions": "AVX2 AVX512F"})
    'numpy 2.4.0 here and 2.3.1 there, instructions AVX512F only there'
    """
    found = []
    for name in here:
        ours, theirs = here[name], there.get(name, "none")
        if ours == theirs:
            continue
        if name == "instructions":
            only = {"here": set(ours.split()) - set(theirs.split()), "there": set(theirs.split()) - set(ours.split())}
            found += [f"{name} {' '.join(sorted(names))} only {place}" for place, names in only.items() if names]
        else:
            found.append(f"{name} {ours} here and {theirs} there")
    return ", ".join(found)
