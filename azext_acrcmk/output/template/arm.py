"""A Resource Manager template."""

from __future__ import annotations

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

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
DEPLOYMENTS = "Microsoft.Resources/deployments"
DEPLOYMENTS_VERSION = "2025-04-01"


def arm_template(parts: Parts) -> dict[str, Any]:
    return _Writer(build(parts)).template()


def quoted(text: str) -> str:
    """A string within an expression."""
    return "'" + text.replace("'", "''") + "'"


class _Writer:
    def __init__(self, tree: Tree):
        self.tree = tree
        self.resources = tree.resources

    def template(self) -> dict[str, Any]:
        return {
            "$schema": SCHEMA,
            "contentVersion": "1.0.0.0",
            "metadata": {"description": self.tree.description},
            "parameters": {each.name: self._input(each) for each in self.tree.inputs},
            "resources": [made for item in self.tree.items for made in self._item(item)],
            "outputs": {each.name: {"type": each.type, "value": self.value(each.value)} for each in self.tree.outputs},
        }

    def _input(self, given: Input) -> dict[str, Any]:
        return {
            "type": given.type,
            "defaultValue": self.value(given.default),
            **({"allowedValues": list(given.allowed)} if given.allowed else {}),
            **given.limits,
            "metadata": {"description": given.description},
        }

    # Resources

    def _item(self, item: Resource | Nested | Waits) -> list[dict[str, Any]]:
        if isinstance(item, Nested):
            return [self._nested(item)]
        if isinstance(item, Waits):
            return [self._waits(item)]
        return [] if item.existing else [self._resource(item)]

    def _resource(self, item: Resource) -> dict[str, Any]:
        made: dict[str, Any] = {"type": item.type, "apiVersion": item.api_version, "name": self._name(item)}
        if item.condition is not None:
            made["condition"] = self.value(item.condition)
        if item.scope is not None:
            made["scope"] = self.value(item.scope)
        return {**made, **self._depends_on(item.after), **self.value(item.body)}

    def _name(self, item: Resource) -> str:
        if not any(isinstance(each, Expression) for each in item.name):
            return self.value("/".join(item.name))
        if len(item.name) == 1:
            return self.value(item.name[0])
        holes = "/".join(f"{{{number}}}" for number in range(len(item.name)))
        return self.value(Call("format", (holes, *item.name)))

    def _nested(self, item: Nested) -> dict[str, Any]:
        inner = {
            "$schema": SCHEMA,
            "contentVersion": "1.0.0.0",
            "parameters": {name: {"type": item.types[name]} for name in item.parameters},
            "resources": [self._resource(each) for each in item.resources],
        }
        where = (
            self.value(dict(zip(("subscriptionId", "resourceGroup"), item.place, strict=True))) if item.place else {}
        )
        return {
            "type": DEPLOYMENTS,
            "apiVersion": DEPLOYMENTS_VERSION,
            "name": self._deployment_name(item.symbol),
            **where,
            **self._depends_on(item.after),
            "properties": {
                "mode": "Incremental",
                "expressionEvaluationOptions": {"scope": "inner"},
                "parameters": {name: {"value": self.value(value)} for name, value in item.parameters.items()},
                "template": inner,
            },
        }

    def _waits(self, item: Waits) -> dict[str, Any]:
        loop = {"name": item.symbol, "count": self.value(item.count), "mode": "serial", "batchSize": 1}
        return {
            "type": DEPLOYMENTS,
            "apiVersion": DEPLOYMENTS_VERSION,
            "name": f"[format('cmk-wait-{{0}}-{{1}}', uniqueString({_REGISTRY_NAME}), copyIndex())]",
            "copy": loop,
            **self._depends_on(item.after),
            "properties": {
                "mode": "Incremental",
                "template": {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": []},
            },
        }

    def _deployment_name(self, symbol: str) -> str:
        kind = symbol.removesuffix("Deployment")
        return f"[format('cmk-{kind}-{{0}}', uniqueString({_REGISTRY_NAME}))]"

    def _depends_on(self, symbols: tuple[str, ...]) -> dict[str, Any]:
        return {"dependsOn": [self._dependency(each) for each in symbols]} if symbols else {}

    def _dependency(self, symbol: str) -> str:
        if nested := self.tree.nested_of(symbol):
            return self._deployment_name(nested.symbol)
        return self.value(IdOf(symbol)) if symbol in self.resources else symbol

    # Values

    def value(self, value: Any) -> Any:
        if isinstance(value, Expression):
            return f"[{self.text(value)}]"
        if isinstance(value, dict):
            return {self.value(name): self.value(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        # What begins like an expression and is none.
        return f"[{value}" if isinstance(value, str) and value.startswith("[") else value

    def text(self, value: Any) -> str:
        """A value within an expression."""
        if isinstance(value, Parameter):
            return f"parameters('{value.name}')"
        if isinstance(value, Call):
            return f"{value.function}({', '.join(self.text(each) for each in value.arguments)})"
        if isinstance(value, IdOf):
            return self._id(value.symbol)
        if isinstance(value, Segment):
            return f"split({self.text(value.of)}, '/')[{value.number}]"
        if isinstance(value, PropertyOf):
            if value.symbol == "tenant()":
                return f"tenant().{value.name}"
            version = self.resources[value.symbol].api_version
            return f"reference({self._id(value.symbol)}, '{version}').{value.name}"
        return quoted(value)

    def _id(self, symbol: str) -> str:
        item = self.resources[symbol]
        if item.given:
            return self.text(item.given)
        if item.existing or self.tree.nested_of(symbol):
            return quoted(str(item.id))
        return self.text(Call("resourceId", (item.type, *item.name)))


_REGISTRY_NAME = "parameters('registryName')"
