"""The peers' virtual environments, created once under .benchmarks with the TensorFlow and Keras of dreamfilters."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".benchmarks"

# Peer -> packages installed without their dependencies, and packages installed with them. Xplique requires
# tensorflow[and-cuda] <= 2.20: 5 GB of another TensorFlow, while a fair comparison uses the same version for all.
PEERS = {
    "xplique": (
        ("xplique==2.0.2", "tf-keras==2.21.*"),
        ("scipy", "deprecated", "einops", "pillow", "matplotlib", "scikit-image", "scikit-learn",
         "opencv-python-headless", "tensorflow-probability==0.25.*"),
    ),
    "captum": ((), ("captum==0.9.0", "torch==2.13.0", "numpy")),
    "tf_keras_vis": (("tf-keras-vis==0.8.7",), ("scipy", "pillow", "deprecated", "imageio", "packaging")),
}  # fmt: skip

_WITHOUT_TENSORFLOW = ("captum",)


def python_of(peer: str) -> Path:
    """Return the interpreter of a peer's environment, which is created if it does not exist."""
    home = FOLDER / peer
    python = home / "bin" / "python"
    without_dependencies, packages = PEERS[peer]
    packages = packages if peer in _WITHOUT_TENSORFLOW else (*packages, *_our_versions())
    stamp, wanted = home / "installed.txt", "\n".join([*without_dependencies, *packages])
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return python
    print(f"installing {(*without_dependencies, *packages)[0]} into {home} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for arguments in filter(None, (without_dependencies and ["--no-deps", *without_dependencies], packages)):
        done = subprocess.run([*pip, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{peer} cannot be installed:\n{done.stderr[-2000:]}")
    stamp.write_text(wanted, "utf-8")
    return python


def _our_versions() -> list[str]:
    names = {name.lower().replace("_", "-") for name in metadata.packages_distributions().get("tensorflow", ())}
    names &= {"tensorflow", "tensorflow-cpu"}
    return [f"{name}=={metadata.version(name)}" for name in [*sorted(names), "keras"]]
