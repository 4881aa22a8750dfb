"""Open mutated files: python -m tests.fuzz [--seed N] [--count N] [--kind KIND,...] [--jobs N] [--out FOLDER].

Prints a table. Each fault is printed, and stored with its files in FOLDER/faults; `--replay` opens it again from there,
or by its name KIND-SEED-NUMBER from the generators.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.fuzz.campaign import Campaign, cases_of
from tests.fuzz.kinds import KINDS
from tests.fuzz.table import table
from tests.fuzz.verdict import FAULT, Limits, Verdict


def main() -> None:
    """Run a campaign; exit code 1 if there are faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--count", type=int, default=20_000, help="number of cases of all kinds; default: 20000")
    parser.add_argument("--kind", metavar="KIND,...", default=",".join(KINDS), help=f"default: {', '.join(KINDS)}")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes, of about 1 GB each; default: 2")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz"), help="default: build/fuzz")
    parser.add_argument("--minutes", type=float, help="begin no case after this time")
    parser.add_argument(
        "--seconds", type=float, default=Limits.seconds, help="limit of CPU time of one case; default: 30"
    )
    parser.add_argument("--replay", metavar="CASE", nargs="+", help="stored faults or names of cases")
    options = parser.parse_args()
    kinds = options.kind.split(",")
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        parser.error(f"--kind {unknown[0]}: one of {', '.join(KINDS)}")
    folder = options.out.resolve()
    cases = [_stored(case) for case in options.replay or ()] or cases_of(kinds, options.seed, options.count)
    campaign = Campaign(cases, folder, options.jobs, Limits(seconds=options.seconds), options.minutes)
    began, folder_log = time.monotonic(), folder / "verdicts.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    with folder_log.open("a") as log:

        def on_verdict(verdict: Verdict) -> None:
            log.write(json.dumps(verdict.as_values()) + "\n")
            if options.replay or verdict.result == FAULT:
                print(f"{verdict.case}: {verdict.result}: {' '.join(verdict.arguments)}: {verdict.line}", flush=True)

        verdicts = campaign.run(on_verdict)
    text = table(verdicts)
    (folder / "table.md").write_text(text)
    print(f"{text}{len(verdicts):,} cases in {(time.monotonic() - began) / 60:.1f} minutes, {options.jobs} processes")
    sys.exit(any(verdict.result == FAULT for verdict in verdicts))


def _stored(case: str) -> str:
    return str(Path(case).resolve()) if Path(case).is_dir() else case


if __name__ == "__main__":
    main()
