from pathlib import Path

import pytest
from typer.testing import CliRunner

from dreamfilters.cli import app
from dreamfilters.errors import DreamfiltersError
from dreamfilters.viewer.server import http_server


def run(*words):
    return CliRunner().invoke(app, ["serve", *words], catch_exceptions=True)


@pytest.mark.parametrize(("status", "code"), [(200, 0), (404, 1), (503, 1)])
def test_get_prints_one_response_and_an_error_sets_the_exit_code(monkeypatch, tmp_path, status, code):
    asked = []
    (tmp_path / "one.png").write_bytes(b"")
    monkeypatch.setattr(
        http_server, "respond_once", lambda settings, path: asked.append((settings, path)) or (status, b"\x89PNG")
    )
    answer = run(
        "signs",
        str(tmp_path),
        "--get",
        "/api/state",
        "--top",
        "3",
        "--size",
        "32x48",
        "--trust",
        "--import",
        "my_layers",
    )
    assert (answer.exit_code, answer.stdout_bytes) == (code, b"\x89PNG")
    settings, path = asked[0]
    assert (path, settings.spec, settings.images, settings.top) == ("/api/state", "signs", tmp_path, 3)
    assert settings.options == {"trust": True, "imports": ("my_layers",), "inputs": {}, "size": (32, 48)}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("signs", "--host", "0.0.0.0"), "host 0.0.0.0: everyone who can reach this machine"),
        (("signs", str(Path(__file__).parent)), f"{Path(__file__).parent}: no image files in this folder; known are"),
        (("signs", "nowhere"), "nowhere: no such file or folder"),
        (("signs", "--base-url", "/a b/"), "base-url /a b/: must be a path such as"),
        (("signs", "--top", "0"), "--top 0: must be 1 or more"),
        (("signs", "--port", "99999"), "--port 99999: must be 0 to 65535"),
    ],
)
def test_bad_input_is_one_line(words, line):
    answer = run(*words)
    assert isinstance(answer.exception, DreamfiltersError)
    assert str(answer.exception).startswith(line)
    assert "\n" not in str(answer.exception)
