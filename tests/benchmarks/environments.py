"""The peers' own environments: made once under .benchmarks, with the TensorFlow and Keras that dreamfilters runs on."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".benchmarks"

# A peer -> what pip installs without looking at what it asks for, and what it installs as usual. Xplique asks for
# tensorflow[and-cuda] <= 2.20: 5 GB of another TensorFlow, when one and the same for everybody is the fair comparison.
PEERS = {
    "xplique": (
        ("xplique==2.0.2", "tf-keras==2.21.*"),
        ("scipy", "deprecated", "einops", "pillow", "matplotlib", "scikit-image", "scikit-learn",
         "opencv-python-headless", "tensorflow-probability==0.25.*"),
    ),
    "tf_keras_vis": (("tf-keras-vis==0.8.7",), ("scipy", "pillow", "deprecated", "imageio", "packaging")),
}  # fmt: skip


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, made first if need be."""
    home = FOLDER / peer
    python = home / "bin" / "python"
    bare, whole = PEERS[peer]
    whole = (*whole, *_our_versions())
    stamp, wanted = home / "installed.txt", "\n".join([*bare, *whole])
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python
    print(f"installing {bare[0]} into {home} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for packages in (["--no-deps", *bare], whole):
        done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{peer} cannot be installed:\n{done.stderr[-2000:]}")
    stamp.write_text(wanted, "utf-8")
    return python


def _our_versions() -> list[str]:
    names = {name.lower().replace("_", "-") for name in metadata.packages_distributions().get("tensorflow", ())}
    names &= {"tensorflow", "tensorflow-cpu"}
    return [f"{name}=={metadata.version(name)}" for name in [*sorted(names), "keras"]]
