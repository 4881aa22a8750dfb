"""The rules of CONTRIBUTING.md that can be read off the source: floors, cycles, folder sizes, names and docstrings."""

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

import dreamfilters

PACKAGE = Path(dreamfilters.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in FILES}
MODULES = {
    ".".join(("dreamfilters", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in FILES
}

# From the ground up; an import goes down or stays on its floor.
FLOORS = [
    {
        "errors",
        "progress",
        "registry",
        "seeds",
        "serialization",
        "text_files",
        "image_files",
        "backend",
        "lazy_module",
        "number_format",
        "writing",
        "images",
        "display",
        "executors",
    },
    {"networks"},
    {"dreams", "evidence"},
    {"attribution"},
    {"comparison", "techniques", "verdicts"},
    {"report"},
    {"runs"},
    {"training"},
    {"viewer"},
    {"cli", "__main__"},
]
FLOOR_OF = {package: number for number, floor in enumerate(FLOORS) for package in floor}
APART = {"dreams": {"evidence"}, "evidence": {"dreams"}}  # they meet in comparison
# The built-in network stands beside the floors: it is data with names and drawings, and a script that trains it.
SIGNS_MAY_USE = {"errors", "progress", "backend", "writing", "images", "networks", "dreams", "signs"}
MAY_USE_SIGNS = {"networks", "evidence", "comparison", "report", "runs", "viewer", "cli", "signs"}
MOST_ENTRIES = 15  # in one folder: what a reader takes in at a glance


def name_of(path):
    return str(path.relative_to(PACKAGE))


def package_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree):
    """Yield every module that is imported anywhere in a file, also inside functions, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def packages_used(path):
    for module, line in imports_of(TREES[path]):
        parts = module.split(".")
        if parts[0] == "dreamfilters" and len(parts) > 1 and ".".join(parts[:2]) in MODULES:
            yield parts[1], line


def test_every_package_has_a_floor():
    assert {package_of(path) for path in FILES} - {"__init__"} == set(FLOOR_OF) | {"signs"}


def test_imports_go_down():
    for path in FILES:
        package = package_of(path)
        for used, line in packages_used(path):
            where = f"{name_of(path)}:{line} imports {used}"
            if package == "signs":
                assert used in SIGNS_MAY_USE, where
            elif used == "signs":
                assert package in MAY_USE_SIGNS, where
            elif package != "__init__":
                assert FLOOR_OF[used] <= FLOOR_OF[package], where
                assert used not in APART.get(package, ()), where


def test_errors_import_nothing_of_the_package_and_the_backend_only_errors():
    assert list(packages_used(PACKAGE / "errors.py")) == []
    files = [path for path in FILES if package_of(path) == "backend"]
    assert {used for path in files for used, _ in packages_used(path)} == {"errors", "backend"}


def test_no_module_imports_itself_through_others():
    """Depth-first search for a cycle; imports inside functions count, imports for type checkers do not."""
    edges = defaultdict(set)
    for module, path in MODULES.items():
        tree = ast.Module([node for node in TREES[path].body if not _is_for_type_checkers(node)], [])
        for used, _ in imports_of(tree):
            if used in MODULES and used != module:
                edges[module].add(used)
    done, open_path = set(), []

    def visit(module):
        assert module not in open_path, " -> ".join([*open_path[open_path.index(module) :], module])
        if module in done:
            return
        open_path.append(module)
        for used in sorted(edges[module]):
            if MODULES[used].name != "__init__.py":  # a package's own file gathers its modules' names
                visit(used)
        open_path.pop()
        done.add(module)

    for module in sorted(MODULES):
        visit(module)


def _is_for_type_checkers(node):
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_no_folder_holds_more_than_a_reader_takes_in():
    folders = {PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir() and path.name != "__pycache__")}
    for folder in folders:
        entries = [path.name for path in folder.iterdir() if path.name not in ("__pycache__", "__init__.py")]
        entries = [name for name in entries if not name.startswith("__") and name != "py.typed"]
        assert len(entries) <= MOST_ENTRIES or folder in EXEMPT, f"{name_of(folder)} has {len(entries)} entries"


EXEMPT = {PACKAGE}  # test_every_package_has_a_floor names its entries


def test_every_package_is_installed():
    listed = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    packages = {module for module, path in MODULES.items() if path.name == "__init__.py"}
    assert set(listed) == packages | {"dreamfilters.configs"}


def test_only_the_backend_imports_tensorflow_or_jax():
    importing = {
        "tensorflow": {"backend/tensorflow.py"},
        "jax": {"backend/jax.py", "backend/jax_programs.py", "backend/jax_words.py"},
    }
    for library, files in importing.items():
        found = {
            name_of(path)
            for path in FILES
            if any(module.split(".")[0] == library for module, _ in imports_of(TREES[path]))
        }
        assert found == files


def test_nothing_is_called_utils():
    for path in FILES:
        for name in (path.stem, path.parent.name):
            assert not re.fullmatch(r"_?(utils?|common|misc|helpers?)", name), path


def test_no_module_bears_the_name_of_a_public_function():
    """With loading on first use the name would become the module on its second use."""
    public = set(dreamfilters.__all__)
    beside = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert not public & beside
    for init in PACKAGE.rglob("*/__init__.py"):
        exported = {
            alias.asname or alias.name
            for node in ast.walk(TREES[init])
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not exported & {path.stem for path in init.parent.glob("*.py")}, init


def test_a_public_class_name_means_one_thing():
    modules = defaultdict(list)
    for path in FILES:
        for node in TREES[path].body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(name_of(path))
    assert {name: where for name, where in modules.items() if len(where) > 1} == {}


def test_every_public_name_is_there_and_documented():
    for name in dreamfilters.__all__:
        thing = getattr(dreamfilters, name)
        assert getattr(dreamfilters, name) is thing  # the second use finds the same
        if callable(thing):
            assert len((thing.__doc__ or "").split()) >= 3, name
            assert not (thing.__doc__ or "").startswith(f"{name}("), f"{name} has no docstring of its own"


def test_an_unknown_public_name_is_refused_with_those_there_are():
    with pytest.raises(AttributeError, match=r"dreamfilters has no 'dreem'; its public names: .*dream"):
        dreamfilters.dreem  # noqa: B018
    assert set(dir(dreamfilters)) == set(dreamfilters.__all__)


def test_importing_the_package_costs_no_tensorflow():
    for path in (PACKAGE / "__init__.py", PACKAGE / "__main__.py", PACKAGE / "errors.py"):
        top = ast.Module([node for node in TREES[path].body if isinstance(node, (ast.Import, ast.ImportFrom))], [])
        for module, _ in imports_of(top):
            assert module.split(".")[0] not in ("keras", "tensorflow", "jax"), path


def test_every_module_function_and_class_has_a_docstring():
    for path in FILES:
        tree = TREES[path]
        assert ast.get_docstring(tree), f"{name_of(path)} does not state its idea"
        assert len(ast.get_docstring(tree).splitlines()[0]) <= 120, name_of(path)
        for node in tree.body:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_"):
                continue
            assert ast.get_docstring(node), f"{name_of(path)}:{node.lineno} {node.name} has no docstring"
            for method in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    assert ast.get_docstring(method), f"{name_of(path)}:{method.lineno} {node.name}.{method.name}"


# It passes on the variables by which the system finds the libraries of Python, and no others.
INTERPRETER = PACKAGE / "networks/io/parsing/process/interpreter.py"
# The environment of a kernel is all that says which server shows its notebook.
NOTEBOOK_PAGE = PACKAGE / "viewer/notebook_page.py"
# Ray and the libraries of its workers are set by environment variables.
CLUSTER = PACKAGE / "executors/cluster.py"


def test_the_core_does_not_print_or_read_the_environment():
    for path in FILES:
        if package_of(path) in ("cli", "runs", "training", "__main__", "signs"):
            continue
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("print", "input", "breakpoint"), f"{name_of(path)}:{node.lineno}"
        if package_of(path) != "backend" and path not in (
            INTERPRETER,
            NOTEBOOK_PAGE,
            CLUSTER,
        ):  # it sets TensorFlow's log level before it imports it
            assert "os.environ" not in path.read_text("utf-8"), path
            assert not {"os.environ", "os.getenv"} & {module for module, _ in imports_of(TREES[path])}, path


# Tests of what is a file of data and no module.
OF_DATA = {Path("signs/built_in")}


# What writes files of its own, in folders that only this user can enter, or for the system's browser.
WRITES_TEMPORARY_FILES = {"viewer/services/private_folder.py", "display.py", "images/file_copies.py"}
WRITING = {"write_bytes", "write_text", "touch", "rename", "symlink_to", "hardlink_to", "copyfile", "copy2"}


def test_only_one_package_writes_files():
    """Found by the names of methods, which nothing else in the package has."""
    for path in FILES:
        if package_of(path) == "writing" or name_of(path) in WRITES_TEMPORARY_FILES:
            continue
        for node in ast.walk(TREES[path]):
            if isinstance(node, ast.Call):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                assert called not in WRITING, f"{name_of(path)}:{node.lineno} writes a file by {called}"
                assert not _opens_to_write(node, called), f"{name_of(path)}:{node.lineno} opens a file to write it"


def _opens_to_write(node, called):
    """Return whether a call of `open` has a mode that writes."""
    texts = [each.value for each in [*node.args, *(keyword.value for keyword in node.keywords)] if _is_text(each)]
    return called == "open" and any(set(text) <= set("wax+btr") and set(text) & set("wax+") for text in texts)


def _is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_the_tests_mirror_the_package():
    tests = Path(__file__).parent
    modules = {path.relative_to(PACKAGE).with_suffix("") for path in FILES}
    for path in tests.rglob("test_*.py"):
        folder = path.relative_to(tests).parent
        if folder.parts and folder.parts[0] not in ("benchmarks", "browser", "fuzz"):
            subject = folder / path.stem.removeprefix("test_")
            assert subject in modules | OF_DATA, f"{path.relative_to(tests)} tests no module of the package"
