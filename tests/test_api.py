"""The public names: one list, each importable, without importing TensorFlow."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import dreamfilters


def test_every_public_name_is_defined_where_the_stub_says():
    stub = ast.parse(Path(dreamfilters.__file__).with_suffix(".pyi").read_text("utf-8"))
    homes = {alias.name: node.module for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert set(homes) | {"__version__"} == set(dreamfilters.__all__)
    for name, module in homes.items():
        assert getattr(dreamfilters, name) is getattr(importlib.import_module(f"dreamfilters.{module}"), name)


def test_no_public_name_is_that_of_a_module():
    # The module would take the name's place in the package once it is imported.
    modules = {module.name for module in pkgutil.iter_modules(dreamfilters.__path__)}
    assert not modules & set(dreamfilters.__all__)


def test_all_and_dir_say_the_same():
    assert sorted(dreamfilters.__all__) == dir(dreamfilters)
    assert len(set(dreamfilters.__all__)) == len(dreamfilters.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error_that_lists_those_that_do():
    with pytest.raises(AttributeError, match=r"no 'nightmare'; its public names: .*channel"):
        _ = dreamfilters.nightmare


def test_importing_the_package_and_its_errors_imports_no_tensorflow():
    code = (
        "import sys, dreamfilters as df; df.DreamfiltersError; dir(df); "
        "print(sorted({'tensorflow', 'jax', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_public_function_that_takes_a_network_takes_a_keras_model():
    functions = [getattr(dreamfilters, name) for name in dreamfilters.__all__ if name != "__version__"]
    parameters = {
        function.__name__: inspect.signature(function).parameters["network"].annotation
        for function in functions
        if inspect.isfunction(function) and "network" in inspect.signature(function).parameters
    }
    assert len(parameters) > 10
    assert {name: kind for name, kind in parameters.items() if kind != "AnyNetwork"} == {}
