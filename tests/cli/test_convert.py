import keras
import pytest
import typer
from typer.testing import CliRunner

from dreamfilters.cli import convert

pytestmark = pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")


@pytest.fixture
def invoke():
    app = typer.Typer()
    for command in convert.COMMANDS:
        app.command()(command)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_a_model_file_is_converted(invoke, tiny, tmp_path):
    tiny.save(tmp_path / "tiny.h5")
    out = tmp_path / "tiny.keras"
    done = invoke(tmp_path / "tiny.h5", out, "-v")
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(out)
    assert done.stderr.strip() == "nothing was changed"
    assert keras.models.load_model(out).count_params() == tiny.count_params()


def test_a_missing_file_is_an_error_of_one_line(invoke, tmp_path):
    done = invoke(tmp_path / "absent.h5", tmp_path / "out.keras")
    assert done.exit_code != 0
    assert "no such file" in str(done.exception)
