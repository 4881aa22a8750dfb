"""Commands and Python code that reproduce what the page shows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dreamfilters.dreams.builtin_recipes import LEARNED
from dreamfilters.networks.io.command_options import command_options, writable_arguments

FORM_FILE = "form.toml"  # where the user has to save a form that has been found


@dataclass(frozen=True)
class Snippets:
    """Writes commands and code for one network.

    Attributes:
        spec: the model on the command line.
        options: arguments of `load` that affect the result and can be written on one line.
        prior: file of the learned prior, "" for none.

    Example:
        >>> Snippets("signs").dream("conv1:3", "fast", 7)
        ('dreamfilters dream signs conv1:3 --recipe fast --seed 7', \
"df.dream(df.load('signs'), 'conv1:3', df.read_recipe('fast'), seed=7)")
    """

    spec: str
    options: tuple[tuple[str, Any], ...] = ()
    prior: str = ""

    @classmethod
    def of(cls, spec: str, options: Mapping[str, Any], prior: str | Path | None = None) -> Snippets:
        """Return the snippets for these arguments of `load`, and a learned prior."""
        return cls(spec, writable_arguments(options), str(prior or ""))

    def serve(self, images: str | Path | None, labels: str | Path | None = None) -> tuple[str, str]:
        """Return the command and the code that start the same viewer."""
        paths = [f"{name}={str(path)!r}" for name, path in (("images", images), ("labels", labels)) if path is not None]
        learned = ([f"prior={self.prior!r}"], ["--prior", self.prior]) if self.prior else ([], [])
        arguments = ", ".join([repr(self.spec), *paths, *learned[0], *self._arguments])
        words = ["dreamfilters", "serve", self.spec, *_image_words(images, labels), *learned[1], *self.flags]
        return shlex.join(words), f"df.serve({arguments})"

    def words(self, images: str, labels: str | Path | None = None) -> list[str]:
        """Return the model, images, labels and options as words of a command.

        >>> Snippets.of("net.keras", {"form": "form.toml"}).words("images")
        ['net.keras', 'images', '--form', 'form.toml']
        """
        return [self.spec, *_image_words(images, labels), *self.flags]

    def with_form_file(self) -> Snippets:
        """Return the snippets for a form that only the viewer has: they name a file in which it has to be saved."""
        others = self.without("form").without("classes")
        return replace(others, options=(*others.options, ("form", FORM_FILE)))

    def without(self, option: str) -> Snippets:
        """Return the snippets without an option."""
        return replace(self, options=tuple((name, value) for name, value in self.options if name != option))

    def dream(self, target: str, recipe: str, seed: int, size: tuple[int, int] | None = None) -> tuple[str, str]:
        """Return the command and the code that make the same dream.

        `size` is the input size that the viewer chose for a network that takes any.
        """
        if size is not None and "size" not in dict(self.options):
            return replace(self, options=(*self.options, ("size", size))).dream(target, recipe, seed)
        has_prior = self.prior and recipe == LEARNED
        learned = ["--prior", self.prior] if has_prior else []
        words = ["dreamfilters", "dream", self.spec, target, "--recipe", recipe, "--seed", str(seed), *learned]
        more = f", prior=df.read_prior({self.prior!r})" if has_prior else ""
        code = f"df.dream({self._loaded}, {target!r}, df.read_recipe({recipe!r}), seed={seed}{more})"
        return shlex.join([*words, *self.flags]), code

    def command(
        self,
        name: str,
        targets: Sequence[str] = (),
        images: str | Path | None = None,
        labels: str | Path | None = None,
        size: tuple[int, int] | None = None,
        options: Sequence[str] = (),
    ) -> str:
        """Return a command with its targets, images and other options; `size` as in `dream`.

        >>> Snippets("net.keras").command("compare", ["conv1:3"], "images")
        'dreamfilters compare net.keras conv1:3 images'
        """
        if size is not None and "size" not in dict(self.options):
            return replace(self, options=(*self.options, ("size", size))).command(
                name, targets, images, labels, None, options
            )
        words = _image_words(images, None if name == "audit" else labels)
        return shlex.join(["dreamfilters", name, self.spec, *targets, *words, *options, *self.flags])

    def attribution(
        self, target: str, image: str, method: str, against: str | None = None, size: tuple[int, int] | None = None
    ) -> tuple[str, str]:
        """Return the command and the code that make the same heatmap of an image, a path; `size` as in `dream`.

        >>> Snippets("signs").attribution("conv1:3", "a.png", "gradient")[1]
        "df.attribute(df.load('signs'), 'conv1:3', 'a.png', methods='gradient')"
        """
        if size is not None and "size" not in dict(self.options):
            sized = replace(self, options=(*self.options, ("size", size)))
            return sized.attribution(target, image, method, against)
        words = ["dreamfilters", "attribute", self.spec, target, image, "--method", method]
        compared = [] if against is None else ["--against", against]
        code = f"df.attribute({self._loaded}, {target!r}, {image!r}, methods={method!r}"
        more = "" if against is None else f", against={against!r}"
        return shlex.join([*words, *compared, *self.flags]), f"{code}{more})"

    def logit_attribution(self, image: str, number: int, against: int | None = None) -> str:
        """Return the code that lists the units that carry the logit of a class on an image.

        >>> Snippets("signs").logit_attribution("a.png", 14, 3)
        "df.attribute_logit(df.load('signs'), 'a.png', 14, against=3)"
        """
        more = "" if against is None else f", against={against}"
        return f"df.attribute_logit({self._loaded}, {image!r}, {number}{more})"

    @property
    def _loaded(self) -> str:
        return f"df.load({', '.join([repr(self.spec), *self._arguments])})"

    @property
    def flags(self) -> list[str]:
        """The options on the model as words of a command."""
        return command_options(dict(self.options))

    @property
    def _arguments(self) -> list[str]:
        return [f"{name}={value!r}" for name, value in self.options]


def image_path(name: str, images: str | Path | None, *, uploaded: bool = False) -> str:
    """Return an image's path from where the viewer was started; the name of one that is not of its images.

    >>> image_path("14/a.png", "samples"), image_path("a.png", "samples", uploaded=True)
    ('samples/14/a.png', 'a.png')
    """
    if uploaded or images is None:
        return name
    return str(images if Path(images).is_file() else Path(images) / name)


def _image_words(images: str | Path | None, labels: str | Path | None) -> list[str]:
    """Return images and their labels as words of a command."""
    return [*([] if images is None else [str(images)]), *([] if labels is None else ["--labels", str(labels)])]
