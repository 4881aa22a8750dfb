"""Where the command line has JAX keep compiled programs; a user's own setting counts."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from dreamfilters.cli.compile_cache import keep_programs, user_cache

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="is about the folders of Linux")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


@on_linux
def test_the_folder_is_in_the_user_s_cache_and_private(home):
    environment = {}
    folder = keep_programs(environment)
    assert folder.parent == home / ".cache" / "dreamfilters"
    assert folder.name.startswith("jax-")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert environment["JAX_COMPILATION_CACHE_DIR"] == str(folder)
    assert keep_programs({}) == folder  # that of the next command


@on_linux
def test_the_user_s_cache_can_be_elsewhere(home):
    assert user_cache({"XDG_CACHE_HOME": "/var/caches/me"}) == Path("/var/caches/me")
    assert user_cache({"XDG_CACHE_HOME": "relative"}) == home / ".cache"  # invalid, says the specification


@pytest.mark.parametrize(
    "environment",
    [
        {"JAX_COMPILATION_CACHE_DIR": "/mine"},
        {"JAX_COMPILATION_CACHE_DIR": ""},
        {"JAX_ENABLE_COMPILATION_CACHE": "false"},
        {"JAX_ENABLE_COMPILATION_CACHE": "0"},
    ],
)
def test_what_the_user_sets_counts(home, environment):
    given = dict(environment)
    assert keep_programs(environment) is None
    assert environment == given
    assert list(home.iterdir()) == []


def test_limits_that_the_user_sets_count(home):
    environment = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "5", "JAX_COMPILATION_CACHE_MAX_SIZE": "7"}
    assert keep_programs(environment) is not None
    assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "5"
    assert environment["JAX_COMPILATION_CACHE_MAX_SIZE"] == "7"


@on_linux
def test_a_folder_of_others_is_not_used(home):
    folder = keep_programs({})
    folder.chmod(0o777)
    environment = {}
    assert keep_programs(environment) is None
    assert environment == {}


@on_linux
def test_a_link_is_not_followed(home):
    folder = keep_programs({})
    folder.rmdir()
    (home / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(home / "elsewhere")
    assert keep_programs({}) is None


def test_no_home_is_no_error(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert keep_programs({}) is None


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="is about JAX; Keras runs on another backend")
def test_a_command_keeps_its_programs_and_python_does_not(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    for name in ("JAX_COMPILATION_CACHE_DIR", "XDG_CACHE_HOME", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
        environment.pop(name, None)
    code = "import dreamfilters; dreamfilters.load('signs')"
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
    assert list(tmp_path.rglob("*-cache")) == []
    command = [sys.executable, "-m", "dreamfilters", "dream", "signs", "conv1:0", "--set", "steps=2", "--out", "o"]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    found = list(tmp_path.rglob("*-cache"))
    assert found
    assert {path.parent.parent for path in found} == {tmp_path / ".cache" / "dreamfilters"}
