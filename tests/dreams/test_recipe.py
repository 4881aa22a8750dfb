import dataclasses
import json
import pickle

import pytest

from dreamfilters.dreams import recipe as recipes
from dreamfilters.dreams.builtin_recipes import description, names
from dreamfilters.dreams.optimizers import Adam, Nadam, Normalized
from dreamfilters.dreams.parameterizations import CPPN, Fourier, Phase, Pixels, Pyramid
from dreamfilters.dreams.penalties import BlurEvery, Decay, TotalVariation
from dreamfilters.dreams.recipe import KINDS, Recipe, from_values, read_recipe
from dreamfilters.dreams.transforms import Crop, Jitter, Noise, Rotate, Scale, Shift
from dreamfilters.errors import RecipeError, UnknownNameError


def test_the_built_in_recipes():
    assert {"standard", "fast", "natural", "lucid", "maco", "deepdream", "yosinski"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_every_recipe_loads_and_has_a_description(name):
    recipe = read_recipe(name)
    assert recipe.name == name
    assert len(description(name)) > 40
    assert description(name).count("\n") == 0
    assert from_values(recipe.as_values()) == recipe


@pytest.mark.parametrize("name", names())
def test_a_recipe_survives_json_and_pickle(name):
    recipe = read_recipe(name)
    assert from_values(json.loads(json.dumps(recipe.as_values()))) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe
    assert hash(recipe) == hash(read_recipe(name))
    assert "Recipe(" in repr(recipe)


def test_recipes_of_papers_have_the_published_settings():
    lucid = read_recipe("lucid")
    assert lucid.optimizer == Adam(rate=0.05)
    assert lucid.parameterization.contrast == "free"
    assert [type(t).__name__ for t in lucid.transforms] == ["Pad", "Jitter", "Scale", "Rotate", "Jitter"]
    maco = read_recipe("maco")
    assert isinstance(maco.parameterization, Phase)
    assert maco.transparency
    assert any(isinstance(t, Crop) and t.views > 1 for t in maco.transforms)
    assert any(isinstance(t, Noise) for t in maco.transforms)
    deepdream = read_recipe("deepdream")
    assert deepdream.octaves > 1
    assert isinstance(deepdream.optimizer, Normalized)
    assert any(isinstance(t, Jitter) for t in deepdream.transforms)
    yosinski = read_recipe("yosinski")
    assert isinstance(yosinski.parameterization, Pixels)
    assert any(isinstance(edit, Decay) for edit in yosinski.edits)
    assert any(isinstance(edit, BlurEvery) for edit in yosinski.edits)
    natural, large, standard = (read_recipe(name).parameterization for name in ("natural", "natural-large", "standard"))
    assert isinstance(natural, Phase)
    assert natural.prior == large.prior == standard.prior == "network"
    assert large.decay > standard.decay  # classes have large shapes
    assert read_recipe("fast").steps < read_recipe("standard").steps


FULL = Recipe(
    CPPN((20, 30), width=8),
    (Rotate(3.0), Scale(0.1), Crop(views=3)),
    (TotalVariation(0.1),),
    (),
    Adam(0.2),
    "cosine",
    7,
    2,
    1.3,
    "margin",
    True,
    name="mine",
)


def test_values_are_complete_and_json():
    values = FULL.as_values()
    assert values["parameterization"] == {
        "kind": "cppn",
        "size": [20, 30],
        "width": 8,
        "depth": 6,
        "gain": 1.0,
        "prior": "none",
    }
    assert values["transforms"][0] == {"kind": "rotate", "degrees": 3.0}
    assert values["penalties"] == [{"kind": "total-variation", "weight": 0.1}]
    assert values["optimizer"] == {"kind": "adam", "rate": 0.2, "beta1": 0.9, "beta2": 0.999}
    assert (values["schedule"], values["steps"], values["class_score"], values["transparency"]) == (
        "cosine",
        7,
        "margin",
        True,
    )
    assert set(values) == {entry.name for entry in dataclasses.fields(Recipe)}
    assert from_values(values) == FULL


def test_every_kind_of_part_is_restored_from_its_values():
    needed = {
        "weight": 0.5,
        "rate": 0.5,
        "percent": 20.0,
        "sigma": 1.5,
        "degrees": 4.0,
        "by": 0.2,
        "pixels": 3,
        "views": 2,
    }
    for section, kinds in KINDS.items():
        for word, kind in kinds.items():
            required = [entry.name for entry in dataclasses.fields(kind) if entry.default is dataclasses.MISSING]
            part = {"kind": word, **{name: needed[name] for name in required}}
            values = {section: [part] if section in ("transforms", "penalties", "edits") else part}
            if section == "edits":
                values["parameterization"] = {"kind": "pixels"}
            recipe = from_values(values)
            assert from_values(recipe.as_values()) == recipe, word


def test_the_names_of_kinds():
    assert sorted(KINDS["parameterization"]) == [
        "cppn", "denoised", "fourier", "perturbation", "phase", "pixels", "pyramid",
    ]  # fmt: skip
    assert "total-variation" in KINDS["penalties"]
    assert {"l1", "l2", "lp", "blur-distance"} < set(KINDS["penalties"])
    assert {"decay", "blur-every", "clip-norm", "clip-contribution"} == set(KINDS["edits"])
    assert set(KINDS["optimizer"]) == {"adam", "nadam", "rmsprop", "momentum", "sign", "normalized"}


def test_the_canvas_size():
    assert Recipe(Fourier(96)).canvas_size == (96, 96)
    assert Recipe(Fourier((96, 80))).canvas_size == (96, 80)
    assert Recipe().canvas_size is None


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return path


def test_a_recipe_file(tmp_path):
    path = written(
        tmp_path,
        'description = "größer"\nsteps = 3\n[parameterization]\nkind = "fourier"\nsize = [15, 17]\ngain = 2\n'
        '[[penalties]]\nkind = "total-variation"\nweight = 1\n',
    )
    assert read_recipe(path) == Recipe(
        Fourier((15, 17), gain=2.0), penalties=(TotalVariation(1.0),), steps=3, name="mine"
    )
    assert isinstance(read_recipe(str(path)).parameterization.gain, float)


BAD = [
    ("step = 3", "unknown key 'step'; Close names: steps. Allowed: parameterization, transforms"),
    (
        "zzz = 3",
        "unknown key 'zzz'; Allowed: parameterization, transforms, penalties, edits, optimizer, schedule, steps",
    ),
    ('steps = "many"', "steps='many': a whole number"),
    ("steps = 2.5", "steps=2.5: a whole number"),
    ("steps = true", "steps=True: a whole number"),
    ("steps = 0", "steps=0: at least 1"),
    ("octaves = 13", "octaves=13: from 1 to 12"),
    ("octave_scale = 1.0", "octave_scale=1.0: must be above 1, usually 1.2 to 1.5"),
    ("transparency = 1", "transparency=1: true or false"),
    ("schedule = 'fast'", "schedule='fast': 'constant', 'cosine', 'linear' or 'warm-cosine'"),
    ("schedule = ['cosine']", "schedule=.*'constant'"),
    ("class_score = 'softmax'", "class_score='softmax': 'logit' or 'margin'"),
    ("name = 3", "name=3: text in quotes"),
    ("transforms = 3", r"transforms is a list of tables \(\[\[transforms\]\]\), not 3"),
    ("[transforms]\nkind = 'rotate'", r"transforms is a list of tables"),
    (
        "[[transforms]]\nkind = 'rotatee'\n",
        "transforms kind 'rotatee'; Close names: rotate. Allowed: rotate, scale, shear",
    ),
    (
        "[[transforms]]\nkind = 'rotate'\ndegree = 3",
        "transforms rotate: unknown key 'degree'; Close names: degrees. Allowed: degrees",
    ),
    ("[[transforms]]\nkind = 'rotate'", "transforms rotate: needs degrees"),
    ("[[transforms]]\nkind = 'rotate'\ndegrees = '3'", "transforms rotate: degrees='3': a number"),
    ("[[transforms]]\nkind = 'rotate'\ndegrees = 300", "transforms rotate: degrees=300.0: from 0"),
    ("[[transforms]]\ndegrees = 3", "transforms is a table with a kind, one of rotate, scale"),
    (
        "parameterization = 'fourier'",
        "parameterization is a table with a kind, one of pixels, fourier, phase, pyramid, cppn",
    ),
    ("[parameterization]\nsize = 96", "parameterization is a table with a kind"),
    ("[parameterization]\nkind = ['fourier']", "kind"),
    ("[parameterization]\nkind = 'fourier'\nsize = '96'", r"size='96': one side in pixels, or \[height, width\]"),
    ("[parameterization]\nkind = 'fourier'\nsize = [96]", r"size=\[96\]: one side in pixels"),
    ("[parameterization]\nkind = 'fourier'\nsize = [96, 0]", r"size=\(96, 0\)"),
    ("[parameterization]\nkind = 'fourier'\ngain = nan", "gain=nan"),
    ("[parameterization]\nkind = 'fourier'\ncontrast = 'high'", "contrast='high': 'standardized' or 'free'"),
    ("[parameterization]\nkind = 'fourier'\nprior = 3", "prior=3: text in quotes"),
    ("[optimizer]\nkind = 'adam'\nrate = -1", "optimizer adam: rate=-1.0: must be above 0"),
    (
        "[optimizer]\nkind = 'lion'",
        "optimizer kind 'lion'; .*Allowed: adam, nadam, rmsprop, momentum, sign, normalized",
    ),
    ("[[edits]]\nkind = 'decay'\nrate = .1", "not TOML"),
    (
        "[[edits]]\nkind = 'decay'\nrate = 0.1",
        "edits change pixels, which fourier does not have: set parameterization.kind = 'pixels'",
    ),
    ("steps = ", "not TOML"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_wrong_file_names_the_key_and_what_is_allowed(text, message, tmp_path):
    path = written(tmp_path, text)
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe(path)
    assert len(str(caught.value).splitlines()) == 1
    assert "mine.toml" in str(caught.value)


LONG = "x" * 5000


@pytest.mark.parametrize(
    "text",
    [
        f"{LONG} = 1", f"class_score = '{LONG}'", f"transforms = '{LONG}'", f"optimizer = ['{LONG}']",
        f"[optimizer]\nkind = '{LONG}'", f"[optimizer]\nkind = 'adam'\nrate = '{LONG}'",
        f"[optimizer]\nkind = 'adam'\n{LONG} = 1",
    ],
)  # fmt: skip
def test_a_message_shows_the_start_of_a_long_value(text, tmp_path):
    with pytest.raises(RecipeError) as caught:
        read_recipe(written(tmp_path, text))
    assert "xxx..." in str(caught.value)
    assert len(str(caught.value)) < len(str(tmp_path)) + 400


def test_unknown_and_unreadable_recipes_are_refused(tmp_path):
    with pytest.raises(
        UnknownNameError, match=r"standart: no such recipe, and not a \.toml file\. Close names: standard"
    ):
        read_recipe("standart")
    with pytest.raises(UnknownNameError, match=r"absent\.toml: no such file; recipes by name: .*standard"):
        read_recipe(tmp_path / "absent.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "latin.toml").write_bytes("name = 'größe'".encode("latin-1"))
    for name, words in (("folder.toml", "cannot be read"), ("latin.toml", "is not a text file in UTF-8")):
        with pytest.raises(RecipeError, match=f"{name}: {words}"):
            read_recipe(tmp_path / name)


SETTINGS = [
    ("steps=128", lambda r: r.steps == 128),
    (" steps = 128 ", lambda r: r.steps == 128),
    ("optimizer.rate=.1", lambda r: r.optimizer.rate == 0.1),
    ("optimizer.rate=1e-3", lambda r: r.optimizer.rate == 0.001),
    ("optimizer.rate=1", lambda r: r.optimizer.rate == 1.0 and isinstance(r.optimizer.rate, float)),
    ("schedule=cosine", lambda r: r.schedule == "cosine"),
    ("schedule='cosine'", lambda r: r.schedule == "cosine"),
    ("transparency=true", lambda r: r.transparency is True),
    ("transforms.rotate.degrees=10", lambda r: Rotate(10.0) in r.transforms),
    ("transforms=[]", lambda r: r.transforms == ()),
    ("parameterization.size=96", lambda r: r.parameterization.size == 96),
    ("parameterization.size=[96, 80]", lambda r: r.parameterization.size == (96, 80)),
    ("parameterization.kind=pixels", lambda r: r.parameterization == Pixels()),
    ("parameterization.kind=pyramid", lambda r: r.parameterization == Pyramid()),
    ("parameterization.prior=my prior.npz", lambda r: r.parameterization.prior == "my prior.npz"),
    ("optimizer.kind=adam", lambda r: r.optimizer == Adam()),
    ("penalties=[{kind = 'total-variation', weight = 0.1}]", lambda r: r.penalties == (TotalVariation(0.1),)),
]


@pytest.mark.parametrize(("setting", "holds"), SETTINGS)
def test_a_setting_is_changed(setting, holds):
    changed = read_recipe("standard", settings=[setting])
    assert holds(changed)
    assert changed != read_recipe("standard")


def test_settings_apply_in_order():
    changed = read_recipe(
        "standard", settings=["parameterization.size=64", "parameterization.kind=pixels", "parameterization.gain=2"]
    )
    assert changed.parameterization == Pixels(64, gain=2.0)


BAD_SETTINGS = [
    ("steps", r"--set steps: give KEY=VALUE, for example steps=128"),
    ("=3", "give KEY=VALUE"),
    ("step=3", "unknown key 'step'; Close names: steps"),
    ("steps=many", "steps='many': a whole number"),
    ("steps.more=3", "--set steps.more=3: steps is a value, not a table"),
    ("optimizer.speed=3", "optimizer nadam: unknown key 'speed'"),
    ("transforms.turn.degrees=3", "the recipe's list has no 'turn'; it has rotate, scale, shift"),
    ("transforms.rotate=3", "transforms is a list; name a part and its setting, such as transforms.rotate.degrees=10"),
    ("transforms.kind=rotate", "transforms is a list"),
    ("penalties.l1.weight=3", "penalties is a list of tables"),
    ("parameterization=fourier", "parameterization is a table with a kind"),
    ("parameterization.kind=", "parameterization kind ''; "),
    ("parameterization.kind.x=1", "kind is a value, not a table"),
    ("parameterization.a.b=1", "unknown key 'a'"),
    ("optimizer.kind=[1]", "optimizer kind"),
    ("..=1", "unknown key ''"),
]


@pytest.mark.parametrize(("setting", "message"), BAD_SETTINGS)
def test_a_wrong_setting_is_refused_in_one_line(setting, message):
    with pytest.raises(RecipeError, match=message) as caught:
        read_recipe("standard", settings=[setting])
    assert len(str(caught.value).splitlines()) == 1


def test_a_recipe_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().steps = 3  # type: ignore[misc]
    values = {"steps": 3, "transforms": [{"kind": "shift", "pixels": 1.0}]}
    before = json.dumps(values)
    assert from_values(values).transforms == (Shift(1.0),)
    assert json.dumps(values) == before


def test_edits_need_pixels():
    with pytest.raises(RecipeError, match="edits change pixels, which cppn does not have"):
        Recipe(CPPN(), edits=(Decay(0.1),))
    assert Recipe(Pixels(), edits=(Decay(0.1),)).edits == (Decay(0.1),)


def test_equal_settings_are_equal_recipes():
    assert Recipe(optimizer=Nadam(0.3)) == Recipe(optimizer=Nadam(0.3))
    assert Recipe(optimizer=Nadam(0.3)) != Recipe(optimizer=Nadam(0.4))
    assert recipes.Recipe is Recipe
