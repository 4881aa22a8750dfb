"""What computes, and how: steps in a dispatch, images in a batch, precision and devices, decided in one place."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

from dreamfilters.errors import BackendError

Precision: TypeAlias = Literal["float32", "bfloat16"]

_DISPATCHED = 32  # steps of an ascent at most before their scores are copied to the host
_CPU_ROWS, _ROWS = 4, 256  # images of a batch on each device, where all batches have one size
_MOST_CPU_ROWS = 64  # where batches can have any size: no measured network makes more images per second with more
_CPU_SCANNED = 64  # images in a batch of a scan; 32 take 3 to 8 % longer


@dataclass(frozen=True)
class Device:
    """What computes.

    Attributes:
        kind: "cpu", "gpu" or "tpu".
        name: such as "cpu" or "NVIDIA H200".
        count: number of devices of this kind that Keras can use.
        memory: bytes of one device that this process can use, None where this is the memory of the machine.
    """

    kind: str
    name: str
    count: int = 1
    memory: int | None = None

    def __str__(self) -> str:
        return f"{self.count} devices {self.name}" if self.count > 1 else self.name


@dataclass(frozen=True)
class Execution:
    """How ascents and scans run on a device; none of it was measured on an accelerator.

    Attributes:
        steps: most steps of an ascent in one dispatch.
        rows: images of a batch on all devices together: the most, or the number where all batches have one size.
        precision: of the pass through the network in a step, where the recipe leaves it open. Scores of images are
            computed in float32 in any case.
        devices: number of devices, each of which computes an equal part of the images of a batch.
        scanned: images in a batch of a scan at most.
        reduces: whether a scan reduces activation maps on the device, so that only numbers per unit are copied.
    """

    steps: int
    rows: int
    precision: Precision
    devices: int
    scanned: int
    reduces: bool


def usual(device: Device, library: str) -> Execution:
    """Return how Keras on `library`, "tensorflow" or "jax", computes on a device.

    With JAX on a CPU, a program of several steps takes 3.5 times as long as the steps one by one (measured), and the
    time of a step grows with the number of images, so that a single dream should not wait for many. An accelerator
    waits for the host between two steps, and a step with few images leaves it idle. TensorFlow computes on one device,
    step by step.
    """
    is_cpu, is_jax = device.kind == "cpu", library == "jax"
    devices = 1 if is_cpu or not is_jax else device.count
    rows = (_CPU_ROWS if is_jax else _MOST_CPU_ROWS) if is_cpu else _ROWS
    return Execution(
        steps=1 if is_cpu or not is_jax else _DISPATCHED,
        rows=rows * devices,
        precision="float32" if is_cpu or not is_jax else "bfloat16",
        devices=devices,
        scanned=_CPU_SCANNED if is_cpu else _ROWS * devices,
        reduces=not is_cpu,
    )


class Executions:
    """How this process computes: as usual on its device, unless some of it is set.

    Args:
        find: returns the device; called once, on first use, because finding it takes hold of it.
        library: "tensorflow" or "jax".
    """

    def __init__(self, find: Callable[[], Device], library: str) -> None:
        self._find, self._library = find, library
        self._set: Execution | None = None

    def device(self) -> Device:
        """Return what computes."""
        return self._device

    def now(self) -> Execution:
        """Return how ascents and scans run."""
        return self._set or usual(self._device, self._library)

    @cached_property
    def _device(self) -> Device:
        return self._find()

    @contextmanager
    def changed(
        self,
        *,
        steps: int | None = None,
        rows: int | None = None,
        precision: Precision | None = None,
        devices: int | None = None,
        scanned: int | None = None,
        reduces: bool | None = None,
    ) -> Iterator[Execution]:
        """Compute otherwise inside the context, in all threads of this process; see `Execution`.

        Raises:
            BackendError: a number is below 1, there are not so many devices, or they cannot share the images of a batch
                equally.
        """
        given = {
            "steps": steps, "rows": rows, "precision": precision, "devices": devices, "scanned": scanned,
            "reduces": reduces,
        }  # fmt: skip
        execution = replace(self.now(), **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        for name in ("steps", "rows", "devices", "scanned"):
            if getattr(execution, name) < 1:
                raise BackendError(f"{name}={getattr(execution, name)}: must be at least 1")
        if execution.precision not in ("float32", "bfloat16"):
            raise BackendError(f"precision={execution.precision!r}: 'float32' or 'bfloat16'")
        if execution.devices > self._device.count:
            raise BackendError(
                f"devices={execution.devices}: at most {self._device.count}, this machine has {self._device}"
            )
        if execution.rows % execution.devices:
            raise BackendError(
                f"rows={execution.rows}: {execution.devices} devices share them equally; give a multiple"
            )
        before, self._set = self._set, execution
        try:
            yield execution
        finally:
            self._set = before
