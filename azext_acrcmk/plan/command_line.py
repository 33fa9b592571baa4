"""The command line of `az acr cmk enable` that asks for given arguments. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from shlex import quote as posix
from typing import Any

from azext_acrcmk.model.defaults import GRANT_TIMEOUT

# The options that are not named as their arguments are.
_OPTIONS = {"registry_name": "--name", "resource_group_name": "--resource-group", "key_name": "--key"}
# Those that stand for themselves, without a value.
_SWITCHES = ("skip_grant", "restrict_vault_network")
_DEFAULTS = {"grant_scope": "vault", "grant_timeout": GRANT_TIMEOUT}


def powershell(word: str) -> str:
    """A word as PowerShell takes it literally."""
    return word if posix(word) == word else "'" + word.replace("'", "''") + "'"


def enable_command(
    arguments: Mapping[str, Any], subscription: str | None = None, quote: Callable[[str], str] = posix
) -> str:
    """The command with these arguments; what is not given, or the default, is left out."""
    words = ["az acr cmk enable"]
    for name, value in arguments.items():
        if value not in (None, {}) and value != _DEFAULTS.get(name) and not (name in _SWITCHES and not value):
            words.append(_words(option_of(name), list(_values(name, value)), quote))
    if subscription:
        words.append(_words("--subscription", [subscription], quote))
    return " ".join(words)


def option_of(argument: str) -> str:
    return _OPTIONS.get(argument, f"--{argument.replace('_', '-')}")


def _values(name: str, value: Any) -> Iterator[str]:
    if name in _SWITCHES:
        return
    if isinstance(value, dict):
        yield from (f"{key}={each}" for key, each in value.items())
    else:
        yield str(value).lower() if isinstance(value, bool) else str(value)


def _words(option: str, values: list[str], quote: Callable[[str], str]) -> str:
    # A value that looks like an option belongs to this one only with an equals sign.
    joint = "=" if values and values[0].startswith("-") else " "
    return joint.join([option, " ".join(map(quote, values))]) if values else option
