"""A frame of the webcam: what a unit makes of it, forward and backward, and the predicted classes, in one reply."""

from __future__ import annotations

from dreamfilters.viewer.messages import ImageArray, Values
from dreamfilters.viewer.worker.explanations import pixel_heatmap
from dreamfilters.viewer.worker.session import ImageKey, ModelSession


def live_frame(
    session: ModelSession,
    plain: ModelSession,
    layer: str,
    unit: int,
    method: str,
    key: ImageKey,
    image: ImageArray,
    top: int,
    drawn: str = "",
) -> Values:
    """Return the map of a unit, the top-k classes, and the heatmap of the unit by a method, None without a method.
    `drawn` is what is drawn of the backward pass, see `pixel_heatmap`.

    `plain_classes` are those of the plain network, None where the session is that of the plain one.
    """
    return {
        "map": session.unit_map(layer, unit, key, image),
        "classes": session.predictions(key, image, top),
        "plain_classes": None if session is plain else plain.predictions(key, image, top),
        "heatmap": pixel_heatmap(session, layer, unit, image, method, drawn=drawn) if method else None,
    }
