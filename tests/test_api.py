"""The public names: one list, found where it says, without waking TensorFlow."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import dreamfilters


def test_every_public_name_is_defined_where_the_list_says():
    for name, (module, there) in dreamfilters._HOMES.items():
        assert getattr(dreamfilters, name) is getattr(importlib.import_module(f"dreamfilters.{module}"), there)


def test_type_checkers_see_the_same_names():
    import ast
    from pathlib import Path

    tree = ast.parse(Path(dreamfilters.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname or alias.name for node in block.body for alias in node.names}
    assert seen == set(dreamfilters._HOMES)


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


def test_importing_the_package_and_its_errors_does_not_wake_tensorflow():
    code = (
        "import sys, dreamfilters as df; df.DreamfiltersError; dir(df); "
        "print(sorted({'tensorflow', 'keras', 'numpy', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
