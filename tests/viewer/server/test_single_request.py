import json

from dreamfilters.viewer.launch import settings_for
from dreamfilters.viewer.server.single_request import respond_once


def test_one_request_is_handled_without_a_port(tiny, viewed):
    settings = settings_for(tiny, {}, images=viewed)
    status, content = respond_once(settings, "/api/maps/L0/I1?v=3")
    values = json.loads(content)
    assert (status, values["units"], values["full"]) == (200, 8, [16, 16])
    rows = zip(values["minimum"], values["mean"], values["maximum"], strict=True)
    assert all(low <= mean <= high for low, mean, high in rows)


def test_an_unknown_address_is_a_404_in_one_line(tiny):
    status, content = respond_once(settings_for(tiny, {}), "api/maps/L0/nothing")
    assert (status, json.loads(content)) == (404, {"error": "image nothing: no image has this id"})
