"""By object or by Keras name: the one mechanism for everything that a user may name in a string.

A room that has a vocabulary (optimizers, losses, layers, ...) makes one ``Registry`` and puts its
classes and functions into it. ``registry.get`` then takes an object, a name or a configuration;
``to_config`` writes an object down as plain JSON and ``registry.from_config`` builds it again::

    {"name": "Adam", "config": {"learning_rate": 0.001, "beta_1": 0.9, ...}}

A registry is closed: a configuration can only name what is in it. Nothing is imported, looked up
or evaluated because a file says so.
"""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from pellucid.errors import ArgumentError, DTypeError, UnknownNameError

Config = dict[str, Any]
Symbols = Mapping[str, str]
"""The meaning of the symbols of a formula."""
T = TypeVar("T")
E = TypeVar("E", bound=Callable[..., Any])

_NAMED: list[Any] = []
"""Every class and function that is in some registry."""


def snake_case(name: str) -> str:
    """Return a class name the way Keras spells it in layer names.

    >>> snake_case("MaxPooling2D"), snake_case("GlorotUniform")
    ('max_pooling2d', 'glorot_uniform')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class Registry(Generic[T]):
    """The closed table of one kind of named things.

    Args:
        kind: what its entries are, for messages: ``"optimizer"``.
        accepts: tells whether a user's own object can stand in for an entry.
        base: the class of its entries, if entries may have entries as settings (a layer inside a
            layer): where a setting is annotated with it, its configuration is built as well.
    """

    def __init__(
        self, kind: str, accepts: Callable[[Any], bool] = callable, base: type | None = None
    ) -> None:
        self.kind = kind
        self.accepts = accepts
        self.base = base
        self.entries: dict[str, Callable[..., Any]] = {}
        self.aliases: list[str] = []
        self._by_key: dict[str, Callable[..., Any]] = {}

    def register(self, *, name: str | None = None, aliases: Iterable[str] = ()) -> Callable[[E], E]:
        """Return a decorator that puts a class or function into the table.

        Args:
            name: the Keras name, ``snake_case`` of the Python name unless given.
            aliases: further names. Case and underscores never matter: ``"GlorotUniform"``,
                ``"glorot_uniform"`` and ``"glorotuniform"`` are one name.
        """

        def put(entry: E) -> E:
            python_name = entry.__name__
            self.entries[name or snake_case(python_name)] = entry
            self.aliases.extend(aliases)
            for spelling in (python_name, name or python_name, *aliases):
                if self._by_key.setdefault(_key(spelling), entry) is not entry:
                    raise ArgumentError(f"The {self.kind} name {spelling!r} is already taken.")
            _NAMED.append(entry)
            return entry

        return put

    def get(self, identifier: Any) -> T:
        """Return the object that ``identifier`` stands for.

        Args:
            identifier: an object (returned as it is), a name (a class gives its default instance,
                a function itself), a class of this table, or a configuration.

        Raises:
            UnknownNameError: the name is not in the table.
            DTypeError: it is none of these.
        """
        if isinstance(identifier, str):
            return self._build(identifier, {}, {})
        if isinstance(identifier, Mapping):
            return self.from_config(identifier)
        if isinstance(identifier, type) and identifier in self.entries.values():
            return self._build(identifier.__name__, {}, {})
        if isinstance(identifier, type) or not self.accepts(identifier):
            raise DTypeError(
                f"Expected {self.kind} to be an object, a name such as "
                f"{min(self.entries, default='')!r} or a configuration, got {identifier!r}."
            )
        return typing.cast(T, identifier)

    def from_config(self, config: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> T:
        """Build the object that ``to_config`` wrote down.

        Args:
            config: the configuration.
            own: the caller's own classes by name, which are looked up before the table.

        Raises:
            UnknownNameError: it names something that is not in this table, or an argument that
                the named thing does not have.
            ArgumentError, DTypeError: it is no configuration, or a value has the wrong type.
        """
        if (
            not isinstance(config, Mapping)
            or set(config) != {"name", "config"}
            or not isinstance(config["name"], str)
            or not isinstance(config["config"], Mapping)
        ):
            raise ArgumentError(
                f"Expected the configuration of {self.kind} to be "
                f'{{"name": ..., "config": {{...}}}}, got {config!r}.'
            )
        return self._build(config["name"], config["config"], own or {})

    def _build(self, name: str, config: Mapping[str, Any], own: Mapping[str, Any]) -> T:
        entry = own.get(name) or self._by_key.get(_key(name))
        if entry is None:
            raise UnknownNameError(self.kind, name, self.entries, self.aliases)
        if not isinstance(entry, type):
            if config:
                raise ArgumentError(f"{name} is a function and has no settings, got {config!r}.")
            return typing.cast(T, entry)
        hints = typing.get_type_hints(entry)
        fields = {field.name: field for field in _settings(entry)}
        for key, value in config.items():
            if key not in fields:
                raise UnknownNameError(f"argument of {entry.__name__}", key, fields)
            if not _fits(value, hints[key]):
                raise DTypeError(
                    f"{entry.__name__} expected {key} of type {_words(hints[key])}, got {value!r}."
                )
        missing = [key for key, field in fields.items() if key not in config and _required(field)]
        if missing:
            raise ArgumentError(
                f"{entry.__name__} has no default for {', '.join(missing)}; "
                f"write {entry.__name__}({'=..., '.join(missing)}=...)."
            )
        values = {key: self._argument(value, hints[key], own) for key, value in config.items()}
        return typing.cast(T, entry(**values))

    def _argument(self, value: Any, hint: Any, own: Mapping[str, Any]) -> Any:
        """Return a JSON value as an argument: lists as tuples, an entry inside an entry built."""
        inner = self.base is not None and self.base in (hint, *typing.get_args(hint))
        if inner and isinstance(value, Mapping):
            return self.from_config(value, own)
        return _tuples(value)


def to_config(obj: Any, own: Iterable[type] = ()) -> Config:
    """Write a registered object down as plain JSON, with the objects inside it.

    Args:
        obj: an instance of a registered frozen dataclass, or a registered function.
        own: further dataclasses that may be written down; whoever reads them must know them.

    Returns:
        ``{"name": Python name, "config": {field: JSON value}}``.

    Raises:
        DTypeError: ``obj``, or something inside it, is in no registry.
    """
    if any(obj is entry for entry in _NAMED) and not isinstance(obj, type):
        return {"name": obj.__name__, "config": {}}
    if not any(type(obj) is entry for entry in (*_NAMED, *own)):
        raise DTypeError(
            f"{obj!r} cannot be written down as a configuration; "
            "use one of Pellucid's own objects in its place."
        )
    name, settings = type(obj).__name__, {}
    for field in _settings(type(obj)):
        try:
            settings[field.name] = _plain(getattr(obj, field.name), own)
        except DTypeError as error:
            raise DTypeError(f"In {name}, {field.name}: {error}") from error
    return {"name": name, "config": settings}


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _settings(entry: Any) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(entry) if field.init]


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _plain(value: Any, own: Iterable[type] = ()) -> Any:
    """Return ``value`` as JSON: tuples become lists, registered objects configurations."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return [_plain(entry, own) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, own) for key, entry in value.items()}
    return to_config(value, own)


def _tuples(value: Any) -> Any:
    """Return JSON lists as tuples, so that frozen dataclasses stay hashable."""
    return tuple(_tuples(entry) for entry in value) if isinstance(value, list) else value


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a JSON value can be passed where ``hint`` is annotated.

    A name or a configuration fits every class: the class that has the argument resolves it.
    """
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is typing.Literal:
        return value in parts
    if hint in (None, type(None)):
        return value is None
    if hint in (bool, str):
        return isinstance(value, hint)
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    if hint in (tuple, list) or origin in (tuple, list, Sequence):
        if not isinstance(value, (list, tuple)):
            return False
        one_for_all = origin is not tuple or parts[1:] == (...,)
        inner = (parts[:1] or (Any,)) * len(value) if one_for_all else parts
        return len(inner) == len(value) and all(map(_fits, value, inner))
    return isinstance(value, (str, Mapping))


def _words(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")
