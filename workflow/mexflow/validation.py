"""What is wrong with a file that a typed model does not take, in one line: each wrong key, and the nearest valid
one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from mexflow.errors import nearest


def explain(error: ValidationError, model: Any, mend: Callable[[Any], str] | None = None, place: str = "") -> str:
    """All that `error` says, one short text after the other.

    Args:
        error: what the model raised.
        model: the model, or the union of models, that did not take the values.
        mend: says what is wrong with a value, of an item of ``error.errors()``; the library's own words by default.
        place: where the values stand in their file.
    """
    texts = []
    for item in error.errors():
        path, holder = _located(model, item["loc"])
        where = ".".join([*([place] if place else []), *path])
        if item["type"] == "extra_forbidden":
            known = keys(holder)
            texts.append(f"unknown key {where!r}{nearest(path[-1], known)}; here are known: {', '.join(known)}")
        elif item["type"] == "missing":
            texts.append(f"{where} is missing")
        elif item["type"] == "union_tag_invalid":
            kind, known = item["ctx"]["tag"], item["ctx"]["expected_tags"].replace("'", "").split(", ")
            place_of_kind = f"{where}.kind" if where else "kind"
            texts.append(f"{place_of_kind}: unknown kind {kind!r}{nearest(kind, known)}; one of: {', '.join(known)}")
        elif item["type"] == "union_tag_not_found":
            texts.append(f"{where}: `kind` is missing" if where else "`kind` is missing")
        else:
            words = mend(item) if mend else said(item)
            texts.append(f"{where}: {words}" if where else words)
    return "; ".join(texts)


def said(item: Any) -> str:
    """What is wrong with a value: the model's own words, or the library's and the value."""
    if item["type"] == "value_error":
        return str(item["ctx"]["error"])
    hint = ""
    if item["type"] == "literal_error":
        hint = nearest(str(item["input"]), re.findall(r"'([^']*)'", item["ctx"]["expected"]))
    return f"{item['msg'][0].lower()}{item['msg'][1:]}, not {item['input']!r}{hint}"


def keys(model: Any) -> list[str]:
    """The keys that a model takes; none where it is no model."""
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _located(model: Any, location: Sequence[int | str]) -> tuple[list[str], Any]:
    """The keys of a place as a file has them, and the model that the last of them is looked for in.

    A place in a union by `kind` has the kind among its parts, where the file has none.
    """
    path: list[str] = []
    holder, here = model, model
    for part in location:
        options = _models(here)
        tagged = {_kind(option): option for option in options if _kind(option)}
        if str(part) in tagged and not (len(options) == 1 and str(part) in keys(options[0])):
            here = tagged[str(part)]
            continue
        path.append(str(part))
        holder = options[0] if len(options) == 1 else None
        here = _below(here, str(part))
    return path, holder


def _models(annotation: Any) -> list[Any]:
    """The models that an annotation stands for."""
    if keys(annotation):
        return [annotation]
    models = [model for argument in get_args(annotation) for model in _models(argument)]
    return list(dict.fromkeys(models))


def _kind(model: Any) -> str | None:
    field = model.model_fields.get("kind")
    values = get_args(field.annotation) if field else ()
    return values[0] if len(values) == 1 else None


def _below(annotation: Any, part: str) -> Any:
    """What a value's part is annotated as: a field of a model, or a member of a list or a mapping."""
    models = _models(annotation)
    if keys(annotation):
        field = annotation.model_fields.get(part)
        return field.annotation if field else None
    if len(models) == 1 and part in keys(models[0]) and not _is_container(annotation):
        return models[0].model_fields[part].annotation
    arguments = get_args(annotation)
    return arguments[-1] if arguments and _is_container(annotation) else annotation


def _is_container(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (dict, list, tuple)
