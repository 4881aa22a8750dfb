"""Row group: one engine step against the bare forward and backward pass of plain Keras, on ImageNet networks."""

from __future__ import annotations

from statistics import median

from tests.benchmarks.setting import Setting
from tests.benchmarks.step_time import SIDE, network_file
from tests.benchmarks.tables import Table, ratio
from tests.benchmarks.workers import Worker

# An early and a middle layer of each: a convolution, an activation or a sum behind it.
LAYERS = {
    "MobileNetV2": ("block_1_expand_relu", "block_6_project_BN", "block_13_expand", "block_13_depthwise_relu"),
    "ResNet50": ("conv2_block3_out", "conv3_block2_2_relu", "conv4_block3_out"),
    "ConvNeXtTiny": ("convnext_tiny_stage_0_block_1_gelu", "convnext_tiny_stage_2_block_2_depthwise_conv"),
    "EfficientNetV2B0": ("block2b_expand_activation", "block4a_expand_bn", "block5c_project_bn"),
}
_BOUND = 1.15


def measure(setting: Setting) -> Table:
    """Time the bare pass and the step in turn, by the processor's clock."""
    count, rounds = (2, 1) if setting.quick else (16, 9)
    names = setting.networks or tuple(LAYERS)
    table = Table(
        f"Step against the bare pass: {count} filters, {SIDE} px, random weights",
        ["network", "layer", "bare pass, CPU ms", "step, CPU ms", "ratio"],
        notes=["Medians, timed in turn. Bare pass: the Keras model up to the layer, forward and backward."],
    )
    for name in names:
        with Worker("dream_worker") as ours:
            for layer in LAYERS[name]:
                times = ours.run(
                    "step_ratio", model=str(network_file(name)), low=-1.0, high=1.0, layer=layer,
                    units=list(range(count)), rounds=rounds,
                )["times"]  # fmt: skip
                over = ratio(times["step"], times["bare pass"])
                table.rows.append([name, layer, *(median(each) * 1e3 for each in times.values()), over])
                table.targets.append((f"{name}, {layer}", over, _BOUND))
    return table
