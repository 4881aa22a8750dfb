import copy
import json

import pytest

from dreamfilters.errors import ModelError
from dreamfilters.networks.io.parsing.description import Block, Description, Objects
from dreamfilters.networks.io.parsing.stored_arrays import ArrayInfo

ARRAYS = (ArrayInfo("float32", (2, 3)), ArrayInfo("int8", ()), ArrayInfo("object", (5,)))
LAYOUTS = [
    None,
    (Block("conv", ("kernel", "bias"), (0, 1)), Block("none", (), ())),
    {"layers": {"conv": {"vars": {"0": 0, "1": 1}}, "pool": {}}},
    Objects(({"layer": 1}, {}), ("", "a/value"), {"a/value": 1}),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_description_is_the_same_on_the_other_side(layout):
    told = Description('{"a": "\ud800"}', None, "2.3.1", "tensorflow", ARRAYS, layout)
    assert Description.parse(told.to_json().encode(), most=25) == told
    with pytest.raises(ModelError, match="claims to be larger than the file"):
        Description.parse(told.to_json().encode(), most=24)


def changed(layout, change):
    told = json.loads(Description("{}", arrays=ARRAYS, layout=layout).to_json())
    change(told)
    return json.dumps(told).encode()


LIES = {
    "no object": lambda told: told.clear(),
    "negative side": lambda told: told["arrays"][0].__setitem__(1, [-1, -6]),
    "side of text": lambda told: told["arrays"][0].__setitem__(1, ["2"]),
    "side true": lambda told: told["arrays"][0].__setitem__(1, [True]),
    "many sides": lambda told: told["arrays"][0].__setitem__(1, [1] * 33),
    "huge": lambda told: told["arrays"][0].__setitem__(1, [2**62, 4]),
    "type": lambda told: told["arrays"][0].__setitem__(0, 7),
    "config": lambda told: told["texts"].__setitem__(0, {"a": 1}),
    "texts": lambda told: told["texts"].pop(),
    "kind": lambda told: told.update(kind="other"),
}
LIES_ON_LAYOUTS = {
    "array twice": (1, lambda told: told["layout"].append(copy.deepcopy(told["layout"][0]))),
    "array absent": (1, lambda told: told["layout"][0]["arrays"].__setitem__(0, 3)),
    "array negative": (1, lambda told: told["layout"][0]["arrays"].__setitem__(0, -1)),
    "names fewer": (1, lambda told: told["layout"][0]["names"].pop()),
    "layer": (1, lambda told: told["layout"][0].update(layer=3)),
    "leaf": (2, lambda told: told["layout"]["layers"].update(conv="x")),
    "leaf twice": (2, lambda told: told["layout"].update(again=0)),
    "part absent": (3, lambda told: told["layout"]["parts"][1].update(x=2)),
    "key absent": (3, lambda told: told["layout"]["keys"].pop()),
    "array of a key": (3, lambda told: told["layout"]["arrays"].update(b=9)),
}


@pytest.mark.parametrize("lie", [*LIES, *LIES_ON_LAYOUTS])
def test_a_false_description_is_refused(lie):
    number, change = LIES_ON_LAYOUTS.get(lie) or (2, LIES[lie])
    with pytest.raises(ModelError, match="reading it gave an invalid description"):
        Description.parse(changed(LAYOUTS[number], change), most=2**60)


@pytest.mark.parametrize("text", [b"", b"3", b"\xff", b"[" * 100_000, b'{"arrays": 3}', b"9" * 5000])
def test_what_is_no_description_is_refused(text):
    with pytest.raises(ModelError, match="reading it gave an invalid description"):
        Description.parse(text, most=10)
