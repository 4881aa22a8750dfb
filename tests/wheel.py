"""Build the package, install its wheel in a new environment and run the demonstration: `python -m tests.wheel`."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


def expected() -> set[str]:
    """Return the files of the repository that the wheel must hold, by their names inside it."""
    listed = subprocess.run(
        ["git", "ls-files", "dreamfilters", "configs"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.replace("configs/", "dreamfilters/configs/", 1) for name in listed.stdout.splitlines()}


def main() -> None:
    """Build into dist/, compare the wheel with the repository, install it and run its demonstration."""
    shutil.rmtree(ROOT / "build" / "lib", ignore_errors=True)  # setuptools would pack files left by an earlier build
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", ROOT / "dist", ROOT], check=True)
    (wheel,) = (ROOT / "dist").glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected(), f"wheel and repository differ in {sorted(packed ^ expected())}"
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([f"{folder}/bin/python", "-m", "pip", "install", "--quiet", wheel], check=True)
        subprocess.run([f"{folder}/bin/dreamfilters", "demo", "--out", "demo"], cwd=folder, check=True)
        assert (Path(folder) / "demo" / "index.html").exists()
    print(f"{wheel.name} holds all {len(packed)} files and runs the demonstration")


if __name__ == "__main__":
    main()
