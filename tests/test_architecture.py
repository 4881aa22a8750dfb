"""The house rules, read off the source: which package imports which, and what things are called."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import dreamfilters

PACKAGE = Path(dreamfilters.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in FILES}

# From the ground up; an import goes down or stays on its floor.
FLOORS = [
    {"errors", "backend", "images"},
    {"networks"},
    {"dreams", "evidence"},
    {"comparison"},
    {"runs"},
    {"viewer"},
    {"cli", "__main__"},
]
FLOOR_OF = {room: number for number, floor in enumerate(FLOORS) for room in floor}
APART = {"dreams": {"evidence"}, "evidence": {"dreams"}}  # they meet in comparison
# The built-in network stands beside the floors: it is data with names and drawings, and a script that trains it.
SIGNS_MAY_USE = {"errors", "backend", "images", "networks", "dreams", "signs"}
MAY_USE_SIGNS = {"networks", "evidence", "comparison", "runs", "viewer", "cli", "signs"}


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(path):
    return str(path.relative_to(PACKAGE))


def imports_of(tree):
    """Every module that is imported anywhere in a file, also inside functions, and what from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written out in full"
            yield node.module, node.lineno
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def rooms_used(path):
    for module, line in imports_of(TREES[path]):
        parts = module.split(".")
        if (
            parts[0] == "dreamfilters"
            and len(parts) > 1
            and (PACKAGE / parts[1]).exists() | (PACKAGE / f"{parts[1]}.py").exists()
        ):
            yield parts[1], line


def test_every_room_has_its_floor():
    rooms = {room_of(path) for path in FILES} - {"__init__"}
    assert rooms == set(FLOOR_OF) | {"signs"}


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) not in ("__init__", "signs")], ids=name_of)
def test_an_import_goes_only_down(path):
    room = room_of(path)
    for used, line in rooms_used(path):
        where = f"{name_of(path)}:{line} imports {used}"
        if used == "signs":
            assert room in MAY_USE_SIGNS, where
            continue
        assert FLOOR_OF[used] <= FLOOR_OF[room], where
        assert used not in APART.get(room, ()), where


@pytest.mark.parametrize("path", [path for path in FILES if room_of(path) == "signs"], ids=name_of)
def test_the_built_in_network_stands_on_the_lower_floors(path):
    for used, line in rooms_used(path):
        assert used in SIGNS_MAY_USE, f"{name_of(path)}:{line} imports {used}"


def test_the_ground_floor_knows_nothing_above_it_and_errors_nothing_at_all():
    assert list(rooms_used(PACKAGE / "errors.py")) == []
    assert {used for used, _ in rooms_used(PACKAGE / "backend.py")} == {"errors"}


def test_every_package_is_installed():
    listed = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    packages = {".".join(path.parent.relative_to(PACKAGE.parent).parts) for path in FILES if path.name == "__init__.py"}
    assert set(listed) == packages | {"dreamfilters.configs"}


def test_only_backend_imports_tensorflow():
    users = {
        name_of(path) for path in FILES for module, _ in imports_of(TREES[path]) if module.split(".")[0] == "tensorflow"
    }
    assert users == {"backend.py"}


def test_nothing_is_called_utils():
    for path in FILES:
        assert not re.fullmatch(r"_?(utils?|common|misc|helpers?)", path.stem), path
        assert not re.fullmatch(r"_?(utils?|common|misc|helpers?)", path.parent.name), path


def test_no_module_bears_the_name_of_a_public_function():
    """With loading on first use the name would become the module on its second use."""
    public = set(dreamfilters.__all__)
    beside = {path.stem for path in PACKAGE.glob("*.py")} | {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert not public & beside
    for home in PACKAGE.glob("*/__init__.py"):
        exported = {
            alias.asname or alias.name
            for node in ast.walk(TREES[home])
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not exported & {path.stem for path in home.parent.glob("*.py")}, home


@pytest.mark.parametrize("name", dreamfilters.__all__)
def test_every_public_name_is_there_and_documented(name):
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
        for node in TREES[path].body:  # at the top of the file, not inside functions or for type checkers
            for module, _ in imports_of(ast.Module([node], [])) if not isinstance(node, ast.If) else ():
                assert module.split(".")[0] not in ("keras", "tensorflow"), path


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_module_function_and_class_says_what_it_is(path):
    tree = TREES[path]
    assert ast.get_docstring(tree), f"{name_of(path)} does not state its idea"
    first = ast.get_docstring(tree).splitlines()[0]
    assert len(first) <= 120
    for node in tree.body:
        public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
        if public:
            assert ast.get_docstring(node), f"{name_of(path)}:{node.lineno} {node.name} has no docstring"
        if public and isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
                    assert ast.get_docstring(method), f"{name_of(path)}:{method.lineno} {node.name}.{method.name}"


@pytest.mark.parametrize(
    "path", [path for path in FILES if room_of(path) not in ("cli", "runs", "__main__", "signs")], ids=name_of
)
def test_the_core_does_not_print_or_read_the_environment(path):
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "breakpoint"), f"{name_of(path)}:{node.lineno}"
    if path.name != "backend.py":  # sets TensorFlow's log level before it is imported
        used = {module for module, _ in imports_of(TREES[path])}
        assert not {"os.environ", "os.getenv"} & used
        assert "os.environ" not in path.read_text("utf-8"), path


# Tests of what is a file of data and no module.
OF_DATA = {Path("signs/built_in")}


def test_the_tests_mirror_the_package():
    tests = Path(__file__).parent
    modules = {path.relative_to(PACKAGE).with_suffix("") for path in FILES}
    for path in tests.rglob("test_*.py"):
        folder = path.relative_to(tests).parent
        if folder.parts and folder.parts[0] in ("benchmarks", "browser"):
            continue
        subject = folder / path.stem.removeprefix("test_")
        if folder.parts:
            assert subject in modules | OF_DATA, f"{path.relative_to(tests)} tests no module of the package"
