"""The weights of layers in a run folder: resumed as they are, and never over other files."""

import pytest

from dreamfilters.errors import ModelError, OutputError
from dreamfilters.runs.weights_run import KIND, WeightsJob, run


def test_a_finished_run_is_kept_and_a_damaged_one_is_written_again(network, tmp_path):
    job, seen = WeightsJob(network, "signs", ("conv1",)), []
    first = run(job, tmp_path / "out", progress=seen.append)
    assert (first.done, first.total, first.kept) == (1, 1, False)
    assert [one.note for one in seen] == ["conv1"]
    names = KIND.files_in(tmp_path / "out")
    assert sorted(names) == ["index.html", "kernels-conv1.png", "manifest.json", "weights.json"]
    before = {name: (tmp_path / "out" / name).read_bytes() for name in names}
    assert run(job, tmp_path / "out").kept
    (tmp_path / "out" / "weights.json").write_text("{}")
    assert not run(job, tmp_path / "out").kept
    assert {name: (tmp_path / "out" / name).read_bytes() for name in names} == before


def test_other_files_and_other_layers_are_not_overwritten(network, tmp_path):
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        run(WeightsJob(network, "signs", ("conv1",)), tmp_path)
    assert (tmp_path / "index.html").read_text() == "mine"
    run(WeightsJob(network, "signs", ("conv1",)), tmp_path / "out")
    with pytest.raises(OutputError, match="with other settings"):
        run(WeightsJob(network, "signs", ("conv2",)), tmp_path / "out")
    run(WeightsJob(network, "signs", ("conv2",)), tmp_path / "out", force=True)
    assert not (tmp_path / "out" / "kernels-conv1.png").exists()
    with pytest.raises(ModelError, match="has no weights"):
        run(WeightsJob(network, "signs", ("pool1",)), tmp_path / "none")
    assert not (tmp_path / "none").exists()
