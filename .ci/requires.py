"""Print what the package requires, with a choice of TensorFlow: python .ci/requires.py cpu|gpu|none [EXTRA ...].

pip can add a package for an extra, but not leave one out or replace it.
"""

import sys
import tomllib
from pathlib import Path

# The wheel of Linux without the code for GPUs; other systems have one wheel.
CPU = "tensorflow-cpu{versions}; sys_platform == 'linux' and platform_machine == 'x86_64'"
OTHERS = "tensorflow{versions}; sys_platform != 'linux' or platform_machine != 'x86_64'"

tensorflow, *extras = sys.argv[1:]
project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
lines = list(project["dependencies"])
for extra in [*extras, *(["cuda"] if tensorflow == "gpu" else [])]:
    lines += project["optional-dependencies"][extra]
for line in lines:
    if tensorflow == "gpu" or not line.startswith("tensorflow"):
        print(line)  # noqa: T201
    elif tensorflow == "cpu":
        versions = line.removeprefix("tensorflow")
        print(CPU.format(versions=versions), OTHERS.format(versions=versions), sep="\n")  # noqa: T201
