"""Captum in its own environment: heatmaps of a small network that is rebuilt in PyTorch from the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from captum import attr
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from protocol import serve
from torch import nn


class Rebuilt(nn.Module):  # type: ignore[misc, unused-ignore]
    """Two convolutions with ReLU, a pooling between them, and a dense layer, as `captum_agreement.network`."""

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.conv1, self.conv2 = (
            nn.Conv2d(*arrays[f"{name} kernel"].shape[2:], 3, padding=padding)
            for name, padding in (("conv1", "same"), ("conv2", "valid"))
        )
        self.relu1, self.relu2, self.pool = nn.ReLU(), nn.ReLU(), nn.MaxPool2d(2)
        self.dense = nn.Linear(*arrays["classes kernel"].shape)
        for name, layer in (("conv1", self.conv1), ("conv2", self.conv2), ("classes", self.dense)):
            kernel = arrays[f"{name} kernel"]
            turned = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
            layer.weight.data = torch.tensor(np.ascontiguousarray(turned))
            layer.bias.data = torch.tensor(arrays[f"{name} bias"])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of images (n, c, h, w); Keras flattens maps with their channels last."""
        maps = self.relu2(self.conv2(self.pool(self.relu1(self.conv1(images)))))
        return self.dense(maps.permute(0, 2, 3, 1).flatten(1))


def _with_rules(network: Rebuilt) -> Rebuilt:
    """Set the rules of LRP: alpha1-beta0 for convolutions, epsilon for the dense layer."""
    for layer in (network.conv1, network.conv2):
        layer.rule = Alpha1_Beta0_Rule()
    network.dense.rule = EpsilonRule()
    return network


def explain(file: str, number: int, out: str) -> dict[str, Any]:
    """Write the heatmaps of a class by every method, from a file of weights and images, and return their names."""
    arrays = dict(np.load(file))
    network = Rebuilt(arrays).eval()
    images = torch.tensor(arrays["images"].transpose(0, 3, 1, 2).copy(), requires_grad=True)

    def made(attribution: Any, **settings: Any) -> np.ndarray:
        found: np.ndarray = attribution.attribute(images, target=number, **settings).detach().numpy()
        return found

    found = {
        "gradient": np.abs(made(attr.Saliency(network), abs=False)).max(axis=1),
        "gradient-x-input": made(attr.InputXGradient(network)).sum(axis=1),
        "integrated-gradients": made(
            attr.IntegratedGradients(network), baselines=0.0, n_steps=64, method="riemann_middle"
        ).sum(axis=1),
        "guided-backprop": np.abs(made(attr.GuidedBackprop(network))).max(axis=1),
        "deconvnet": np.abs(made(attr.Deconvolution(network))).max(axis=1),
        "grad-cam": made(attr.LayerGradCam(network, network.relu2), relu_attributions=True)[:, 0],
        "occlusion": made(
            attr.Occlusion(network), sliding_window_shapes=(3, 4, 4), strides=(3, 2, 2), baselines=0.5
        ).mean(axis=1),
        "lrp": made(attr.LRP(_with_rules(network))).sum(axis=1),
        "logits": network(images).detach().numpy(),
    }
    np.savez(out, **found)
    return {"methods": list(found)}


if __name__ == "__main__":
    serve({"explain": explain})
