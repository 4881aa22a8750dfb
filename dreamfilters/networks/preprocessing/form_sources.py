"""The settings of an input form by where they come from: an argument of `load`, or the file next to the model."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from dreamfilters.errors import InputFormError, ModelError, OutputError
from dreamfilters.networks.preprocessing.form_origin import GIVEN, FormOrigin
from dreamfilters.networks.preprocessing.input_form import InputForm, Size
from dreamfilters.networks.preprocessing.settings_file import THE_IMAGE, InputSettings, read_settings
from dreamfilters.text_files import check_inside

if TYPE_CHECKING:
    import keras

Form: TypeAlias = InputForm | str | Path | Mapping[str, Any] | None


@dataclass(frozen=True)
class FormSources:
    """The settings of the input form of one network.

    Attributes:
        form: the whole form, if the argument of `load` is one.
        given, given_origin: the settings in the argument, and whether they are from a file.
        stored, stored_origin: the settings in the file next to the model, which complete them.
        folder: the folder of that file.
    """

    form: InputForm | None
    given: InputSettings
    given_origin: FormOrigin
    stored: InputSettings
    stored_origin: FormOrigin
    folder: Path = Path()

    @property
    def settings(self) -> InputSettings:
        """The settings of both sources together."""
        return self.given.over(self.stored)

    @property
    def size(self) -> Size:
        """(height, width) of the image; None for a side that is not given."""
        return self.settings.size or (None, None) if self.form is None else self.form.size

    @property
    def channels(self) -> int:
        """The channels of the image, for a model that does not state them."""
        if self.form is not None:
            return self.form.channels
        return 1 if self.settings.order in ("gray", "equalized") else 3

    def applied(self, implied: InputForm) -> InputForm:
        """Return the form with these settings, and otherwise as the model implies it."""
        return self.form or self.settings.applied(implied)

    def check_files(self, given: Collection[str] = ()) -> None:
        """Check that the files which the settings next to the model name are in its folder.

        A model of unknown origin comes with such settings, which must not lead to other files of the user. Files that
        are replaced by arguments are not read and not checked; `given` has the names of inputs that are.

        Raises:
            ModelError: the file with the classes is elsewhere.
            InputFormError: the file of an input is elsewhere.
        """
        classes = self.stored.classes if self.given.classes is None else None
        if isinstance(classes, str):
            check_inside(Path(classes), self.folder, error=ModelError)
        replaced = {*given, *(self.given.inputs or {})}
        for name, value in (self.stored.inputs or {}).items():
            if isinstance(value, str) and value != THE_IMAGE and name not in replaced:
                check_inside(Path(value), self.folder, error=InputFormError)

    def origin(self, implied: FormOrigin) -> FormOrigin:
        """Return where the range comes from, and in its text the other settings.

        `implied` is the origin of the range that the model implies.
        """
        if self.form is not None:
            return GIVEN
        of_stored = [key for key in self.stored.other_keys if key not in self.given.other_keys]
        sources = (
            (self.given.has_range, self.given_origin, self.given.other_keys),
            (self.stored.has_range, self.stored_origin, of_stored),
        )
        origin = next((source for has_range, source, _ in sources if has_range), implied)
        others = [f"{', '.join(keys)} {source.text}" for _, source, keys in sources if keys and source is not origin]
        return replace(origin, text="; ".join([origin.text, *others]))


def form_sources(spec: keras.Model | str | Path, form: Form) -> FormSources:
    """Return the sources of the form of the model `spec`; `form` is the argument of `load`.

    Raises:
        InputFormError: a file cannot be read, or a key is invalid.
    """
    path = settings_file(spec)
    stored = InputSettings()
    if path is not None and os.path.lexists(path):
        check_inside(path, path.parent, error=InputFormError)
        stored = read_settings(path)
    beside = stored, FormOrigin("file", f"from {path.name}" if path else ""), path.parent if path else Path()
    if form is None or isinstance(form, InputForm):
        return FormSources(form, InputSettings(), GIVEN, *beside)
    if isinstance(form, Mapping):
        return FormSources(None, read_settings(form), GIVEN, *beside)
    file = Path(form)
    return FormSources(None, read_settings(file), FormOrigin("file", f"from {file.name}"), *beside)


def saved_settings_file(spec: keras.Model | str | Path) -> Path:
    """Return `settings_file`, in which settings are to be saved; raise OutputError where the model has none."""
    path = settings_file(spec)
    if path is None:
        raise OutputError(f"{spec}: is not a file, so no model.toml can be saved beside it")
    return path


def settings_file(spec: keras.Model | str | Path) -> Path | None:
    """Return the file with the input form of a model file, 'model.toml' next to 'model.h5'; None for other models."""
    with suppress(OSError, ValueError):  # a name that no file can have
        if isinstance(spec, str | Path) and (Path(spec).is_file() or (Path(spec) / "saved_model.pb").is_file()):
            return Path(spec).with_suffix(".toml")
    return None
