import json

from dreamfilters.viewer.launch import settings_for
from dreamfilters.viewer.server.single_request import answered


def test_one_request_is_answered_without_a_port(tiny, viewed):
    settings = settings_for(tiny, {}, images=viewed)
    status, content = answered(settings, "/api/maps/L0/I1?v=3")
    values = json.loads(content)
    assert (status, values["units"], values["full"]) == (200, 8, [16, 16])
    assert all(
        low <= mean <= high
        for low, mean, high in zip(values["minimum"], values["mean"], values["maximum"], strict=True)
    )


def test_what_is_not_there_is_a_404_in_one_line(tiny):
    status, content = answered(settings_for(tiny, {}), "api/maps/L0/nothing")
    assert (status, json.loads(content)) == (404, {"error": "image nothing: there is none of this id"})
