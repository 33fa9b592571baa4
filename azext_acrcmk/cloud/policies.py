"""What Azure Policy's evaluation of a resource says, in refusals as in previews."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.fields import part, parts, text


def policy_evaluation(details: dict[str, Any]) -> str:
    """The fields of a resource and what a policy compares them with, then the reason that its owner gives."""
    compared = [_compared(each) for each in parts(details, "evaluatedExpressions") if text(each, "path") != "type"]
    return "; ".join([*filter(None, compared), *filter(None, [text(details, "reason")])])


def _compared(expression: dict[str, Any]) -> str:
    field, operator = text(expression, "expression") or text(expression, "path"), text(expression, "operator")
    if not field:
        return ""
    value = expression.get("expressionValue")
    is_ = "is not set" if value is None else f"is {_shown(value)}"
    against = f" ({operator} {_shown(expression.get('targetValue'))})" if operator else ""
    return f"{field} {is_}{against}"


def _shown(value: Any) -> str:
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


# Of the CLI, where it is new enough.
_TOKEN_OPTION = "If the policy requires an external evaluation, add --acquire-policy-token to the command."


def token_advice() -> tuple[str, ...]:
    """The option that proves an external evaluation, if this version of the CLI has it."""
    from azure.cli.core.commands import arm

    return (_TOKEN_OPTION,) if hasattr(arm, "register_global_policy_argument") else ()


def violations(infos: list[dict[str, Any]]) -> str:
    """The same of the policies that a refusal names."""
    said = [policy_evaluation(part(info, "evaluationDetails")) for info in infos]
    return "; ".join(dict.fromkeys(filter(None, said)))
