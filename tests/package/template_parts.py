"""How a template is asked about: where things are in it, and what a setting is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One thing that must be so in *faces*, and what it looks like when somebody has switched it off."""

    name: str
    holds: Callable[[Template], bool]
    undo: Callable[[Template], None]
    faces: tuple[str, ...] = ("public", "desk")


def properties(template: Template, name: str) -> dict[str, Any]:
    """Give a resource's properties."""
    return template["Resources"][name].setdefault("Properties", {})


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Give the properties of every resource of a kind."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def face_of(template: Template) -> str:
    """Tell which face a template is for."""
    return template["Description"].split(", ")[1].split(":")[0]


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """Give the properties of every function."""
    return of_type(template, "AWS::Serverless::Function")


def api(template: Template) -> dict[str, Any]:
    """Give the properties of the API."""
    return properties(template, "RestAPI")


def put(place: Callable[[Template], dict[str, Any]], key: str, value: Any) -> Callable[[Template], None]:
    """Undo by writing *value* under *key*."""
    return lambda template: place(template).__setitem__(key, value)


def drop(place: Callable[[Template], dict[str, Any]], key: str) -> Callable[[Template], None]:
    """Undo by removing *key*."""
    return lambda template: place(template).__delitem__(key)


def method_settings(template: Template) -> dict[str, Any]:
    """Give the settings of the one stage; there is one entry, and it is for every method."""
    (only,) = api(template)["MethodSettings"]
    assert (only["ResourcePath"], only["HttpMethod"]) == ("/*", "*")
    return only


def api_variables(template: Template) -> dict[str, Any]:
    """Give a place: the settings of the API's function."""
    return properties(template, "APIHandler")["Environment"]["Variables"]
