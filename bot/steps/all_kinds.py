"""Finds the files of the kinds of steps: what each brings, and the clients that do them."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType

from bot.power.steps import kinds, protocol
from bot.steps import http_calls, kind_file, kinds as files


@functools.cache
def learn(package: ModuleType = files) -> tuple[kind_file.Brought, ...]:
    """Make known what each file of a package brings, so that a policy may name its kind.

    Call it before a policy is read.
    """
    # Whatever lies in the folder is a kind: there is no list that could forget one.
    names = sorted(one.name for one in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    found: tuple[kind_file.Brought, ...] = tuple(module.BRINGS for module in modules)
    for one in found:
        kinds.add(one.kind)
    return found


def all_kinds(
    http: http_calls.Http, package: ModuleType = files
) -> Mapping[str, protocol.StepClient]:
    """Return what does each kind's steps, by the kind's name."""
    return {one.kind.name: one.client(http) for one in learn(package)}


def mend(kind: str) -> str:
    """Return what to do where the check of a kind finds something wrong."""
    return next(one.mend for one in learn() if one.kind.name == kind)
