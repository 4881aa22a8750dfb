import json

import numpy as np

from dreamfilters.dreams.recipe import Recipe, from_values
from dreamfilters.dreams.result import Dream

DREAM = Dream(
    name='class:"Vorfahrt achten"',
    image=np.zeros((4, 5, 3), "float32"),
    score=1.23456789,
    robust=0.5,
    start=0.25,
    steps=2,
    seconds=0.1,
    seed=7,
    recipe=Recipe(steps=2),
    activated=True,
    history=np.array([0.123456789, 2.0], "float32"),
)


def test_values_hold_everything_but_the_pixels():
    values = json.loads(json.dumps(DREAM.as_values(), ensure_ascii=False))
    assert values["target"] == 'class:"Vorfahrt achten"'
    assert (values["score"], values["robust"], values["start"]) == (1.23456789, 0.5, 0.25)
    assert (values["steps"], values["seed"], values["activated"], values["recovered_by"], values["note"]) == (
        2,
        7,
        True,
        "",
        "",
    )
    assert values["history"] == [0.123457, 2.0]
    assert from_values(values["recipe"]) == DREAM.recipe
    assert "image" not in values
    assert "seconds" not in values  # it is another on the next run, the rest is not


def test_a_dream_is_printed_without_its_pixels():
    assert repr(DREAM) == "Dream('class:\"Vorfahrt achten\"', score 1.235, robust 0.5, 2 steps)"
