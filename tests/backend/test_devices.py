import pytest

from dreamfilters import backend
from dreamfilters.backend.devices import Device, Execution, Executions, usual
from dreamfilters.errors import BackendError

CPU, TWO = Device("cpu", "cpu"), Device("gpu", "NVIDIA H200", 2, 10**11)


def test_a_cpu_takes_step_by_step_in_float32():
    execution = Execution(steps=1, rows=4, precision="float32", devices=1, scanned=64, reduces=False)
    assert usual(CPU, "jax") == execution
    assert usual(CPU, "tensorflow").rows == 64  # at most; its batches have any size


def test_an_accelerator_takes_many_steps_of_many_images():
    execution = Execution(steps=32, rows=512, precision="bfloat16", devices=2, scanned=512, reduces=True)
    assert usual(TWO, "jax") == execution
    one_by_one = usual(TWO, "tensorflow")
    assert (one_by_one.steps, one_by_one.rows, one_by_one.devices, one_by_one.precision) == (1, 256, 1, "float32")


def test_several_devices_of_a_cpu_are_used_on_request_only():
    """As XLA offers them for tests."""
    assert usual(Device("cpu", "cpu", 4), "jax").devices == 1


def test_a_device_is_found_once_and_on_first_use():
    found = []
    executions = Executions(lambda: found.append(1) or TWO, "jax")
    assert found == []
    assert executions.device() is executions.device() is TWO
    assert found == [1]


def test_settings_hold_inside_the_context_only():
    executions = Executions(lambda: TWO, "jax")
    with executions.changed(steps=8, rows=6) as execution:
        assert executions.now() == execution == Execution(8, 6, "bfloat16", 2, 512, True)
        with executions.changed(precision="float32", devices=1):
            assert executions.now() == Execution(8, 6, "float32", 1, 512, True)
        assert executions.now() == execution
    with pytest.raises(ZeroDivisionError), executions.changed(steps=2):
        raise ZeroDivisionError
    assert executions.now() == usual(TWO, "jax")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps=0: must be at least 1"),
        ({"rows": 0}, "rows=0: must be at least 1"),
        ({"devices": 3}, "devices=3: at most 2, this machine has 2 devices NVIDIA H200"),
        ({"rows": 5}, "rows=5: 2 devices share them equally; give a multiple"),
        ({"precision": "float16"}, "precision='float16': 'float32' or 'bfloat16'"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    executions = Executions(lambda: TWO, "jax")
    with pytest.raises(BackendError, match=message), executions.changed(**settings):
        pass
    assert executions.now() == usual(TWO, "jax")


def test_this_machine():
    assert backend.execution() == usual(backend.device(), "jax" if backend.ONE_SHAPE else "tensorflow")
