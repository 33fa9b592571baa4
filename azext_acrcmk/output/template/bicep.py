"""Bicep: the template in its readable form. What is a nested deployment there is a module, each a file of its own."""

from __future__ import annotations

import re
from typing import Any

from azext_acrcmk.output.template.build import build
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.output.template.tree import (
    Call,
    Expression,
    IdOf,
    Input,
    Nested,
    Parameter,
    PropertyOf,
    Resource,
    Segment,
    Tree,
    Waits,
)

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def bicep(parts: Parts) -> dict[str, str]:
    """The files by name; the main one's is empty."""
    tree = build(parts)
    files = {"": _Writer(tree).text()}
    return files | {module_file(item): _module(item) for item in tree.items if isinstance(item, Nested)}


def module_file(item: Nested) -> str:
    return f"cmk-{item.symbol.removesuffix('Deployment')}.bicep"


def string(text: str) -> str:
    """A string in which nothing is interpolated."""
    escaped = "".join(_ESCAPES.get(each, each) for each in text)
    escaped = "".join(f"\\u{{{ord(each):x}}}" if ord(each) < 32 or ord(each) == 127 else each for each in escaped)
    return "'" + escaped.replace("${", "\\${") + "'"


def _module(item: Nested) -> str:
    parameters = "".join(f"param {name} {item.types[name]}\n" for name in item.parameters)
    inner = Tree("", (), item.resources, ())
    scopes = "".join(_scope_of(item) for each in item.resources if each.scope is not None)
    made = "\n".join(_Writer(inner, item.on_key).resource(each) for each in item.resources)
    return "\n".join(filter(None, (parameters, scopes, made)))


def _scope_of(item: Nested) -> str:
    """Bicep takes a resource as the scope, not its id: the vault or the key, by the names in the id."""
    vault = "split(scope, '/')[8]"
    text = f"resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {{\n  name: {vault}\n}}\n"
    if item.on_key:
        key = "split(scope, '/')[10]"
        text += (
            "\nresource key 'Microsoft.KeyVault/vaults/keys@2026-02-01' existing = {\n"
            f"  parent: vault\n  name: {key}\n}}\n"
        )
    return text


class _Writer:
    def __init__(self, tree: Tree, on_key: bool = False):
        self.tree = tree
        self.resources = tree.resources
        self.on_key = on_key

    def text(self) -> str:
        head = "".join(f"// {line}\n" for line in self.tree.description.split(". "))
        blocks = [head, *map(self._input, self.tree.inputs), *map(self._item, self.tree.items)]
        blocks += [f"output {each.name} {each.type} = {self.value(each.value)}\n" for each in self.tree.outputs]
        return "\n".join(filter(None, blocks))

    def _input(self, given: Input) -> str:
        lines = "".join(f"@{name}({limit})\n" for name, limit in given.limits.items())
        if given.allowed:
            lines += f"@allowed({self.value(given.allowed)})\n"
        return (
            f"@description({string(given.description)})\n{lines}param {given.name} {given.type} = "
            f"{self.value(given.default)}\n"
        )

    def _item(self, item: Resource | Nested | Waits) -> str:
        if isinstance(item, Waits):
            return self._waits(item)
        return self._call_of_module(item) if isinstance(item, Nested) else self.resource(item)

    def resource(self, item: Resource) -> str:
        head = f"resource {item.symbol} '{item.type}@{item.api_version}'"
        if item.existing:
            place = (item.id.subscription, item.id.group)
            name = self._name(item)
            if item.given:
                place, name = (Segment(item.given, 2), Segment(item.given, 4)), self.value(Segment(item.given, 8))
            return f"{head} existing = {{\n  name: {name}\n{self._in_group(place)}}}\n"
        condition = f"if ({self.value(item.condition)}) " if item.condition is not None else ""
        lines = [f"  name: {self._name(item)}"]
        if item.scope is not None:
            lines.append(f"  scope: {'key' if self.on_key else 'vault'}")
        lines += [f"  {name}: {self.value(given, '  ')}" for name, given in item.body.items()]
        return f"{head} = {condition}{{\n" + "\n".join(lines) + f"\n{self._depends_on(item.after)}}}\n"

    def _in_group(self, place: tuple[Any, Any]) -> str:
        return f"  scope: resourceGroup({self.value(place[0])}, {self.value(place[1])})\n"

    def _call_of_module(self, item: Nested) -> str:
        name = f"'cmk-{item.symbol.removesuffix('Deployment')}-${{uniqueString(registryName)}}'"
        scope = self._in_group(item.place) if item.place else ""
        given = "".join(f"    {each}: {self.value(value, '    ')}\n" for each, value in item.parameters.items())
        params = f"  params: {{\n{given}  }}\n" if given else ""
        text = (
            f"module {item.symbol} {string(module_file(item))} = {{\n  name: {name}\n{scope}{params}"
            f"{self._depends_on(item.after)}}}\n"
        )
        # What it makes, to be referred to.
        for each in item.resources:
            if each.id is not None:
                text += "\n" + self.resource(_referred(each))
        return text

    def _waits(self, item: Waits) -> str:
        return (
            f"@batchSize(1)\nresource {item.symbol} 'Microsoft.Resources/deployments@2025-04-01' = "
            f"[for index in range(0, {self.value(item.count)}): {{\n"
            "  name: 'cmk-wait-${uniqueString(registryName)}-${index}'\n"
            "  properties: {\n    mode: 'Incremental'\n    template: {\n"
            "      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'\n"
            "      contentVersion: '1.0.0.0'\n      resources: []\n    }\n  }\n"
            f"{self._depends_on(item.after)}}}]\n"
        )

    def _depends_on(self, symbols: tuple[str, ...]) -> str:
        names = []
        for symbol in symbols:
            nested = self.tree.nested_of(symbol)
            names.append(nested.symbol if nested else symbol)
        lines = "".join(f"    {name}\n" for name in dict.fromkeys(names))
        return f"  dependsOn: [\n{lines}  ]\n" if names else ""

    def _name(self, item: Resource) -> str:
        if len(item.name) == 1:
            return self.value(item.name[0])
        inner = "/".join(
            f"${{{self.value(each)}}}" if isinstance(each, Expression) else string(each)[1:-1] for each in item.name
        )
        return f"'{inner}'"

    def value(self, given: Any, indent: str = "") -> str:
        if isinstance(given, Expression):
            return self._expression(given)
        if given is None or isinstance(given, bool):
            return {True: "true", False: "false", None: "null"}[given]
        if isinstance(given, int):
            return str(given)
        deeper = indent + "  "
        if isinstance(given, dict):
            if not given:
                return "{}"
            lines = "".join(f"{deeper}{self._key(key)}: {self.value(each, deeper)}\n" for key, each in given.items())
            return f"{{\n{lines}{indent}}}"
        if isinstance(given, (list, tuple)):
            lines = "".join(f"{deeper}{self.value(each, deeper)}\n" for each in given)
            return f"[\n{lines}{indent}]" if given else "[]"
        return string(given)

    def _key(self, key: Any) -> str:
        if isinstance(key, Expression):
            return f"'${{{self._expression(key)}}}'"
        return key if _NAME.fullmatch(key) else string(key)

    def _expression(self, given: Any) -> str:
        if isinstance(given, Parameter):
            return given.name
        if isinstance(given, IdOf):
            return f"{given.symbol}.id"
        if isinstance(given, Segment):
            return f"split({given.of.name}, '/')[{given.number}]"
        if isinstance(given, PropertyOf):
            return (
                f"{given.symbol}.{given.name}"
                if given.symbol == "tenant()"
                else (f"{given.symbol}.properties.{given.name}")
            )
        return self._call(given)

    def _call(self, given: Call) -> str:
        arguments = [self.value(each) for each in given.arguments]
        if given.function == "if":
            inner = getattr(given.arguments[2], "function", "") == "if"
            return f"{arguments[0]} ? {arguments[1]} : {f'({arguments[2]})' if inner else arguments[2]}"
        if given.function == "equals":
            return f"({arguments[0]} == {arguments[1]})"
        if given.function == "not":
            return f"!{arguments[0]}"
        return f"{given.function}({', '.join(arguments)})"


def _referred(resource: Resource) -> Resource:
    return Resource(resource.symbol, resource.type, resource.api_version, resource.name, id=resource.id, existing=True)
