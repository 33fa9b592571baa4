"""The errors of Resource Manager for failed deployments.

Messages from user reports (github.com: Azure/bicep#4815, azure-cli#6075 and #14373, bicep-deploy#79, azure-policy#1442,
azure-docs#9550 and #115708, azure-search-openai-demo#120 and #1483, mwt-ds#29) and facts templates.md 2.5. Those from
memory are marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.core.web import AzureError
from sandbox.resource_manager.access import GATEWAY
from sandbox.resource_manager.deployments.language.errors import SyntaxTemplateError, TemplateError

Place = tuple[int, int]  # line and column
EXPRESSIONS = "Please see https://aka.ms/arm-template-expressions for usage details."
RESOURCES = "Please see https://aka.ms/arm-syntax-resources for usage details."
PARAMETERS = "Please see https://aka.ms/arm-syntax-parameters for usage details."


def invalid_template(message: str, place: Place = (0, 0)) -> AzureError:
    info = {"lineNumber": place[0], "linePosition": place[1], "path": ""}
    return AzureError(
        400,
        "InvalidTemplate",
        message,
        headers=GATEWAY,
        additionalInfo=[{"type": "TemplateViolation", "info": info}],
    )


def validation_failed(sentence: str, place: Place = (0, 0)) -> AzureError:
    return invalid_template(f"Deployment template validation failed: '{sentence}'.", place)


def parse_failed(sentence: str, place: Place = (0, 0)) -> AzureError:
    return invalid_template(f"Deployment template parse failed: '{sentence}'.", place)


def evaluation_failed(error: TemplateError) -> AzureError:
    return invalid_template(f"Deployment template language expression evaluation failed: '{error}'. {EXPRESSIONS}")


def invalid_part(kind: str, name: str, place: Place, error: TemplateError) -> AzureError:
    """A resource, parameter, variable or output with invalid expressions."""
    if isinstance(error, SyntaxTemplateError):
        return evaluation_failed(error)
    where = f"The template {kind} '{name}' at line '{place[0]}' and column '{place[1]}'"
    return validation_failed(f"{where} is not valid: {error}. {EXPRESSIONS}", place)


def unprocessable_resource(resource_id: str, place: Place, error: TemplateError) -> AzureError:
    """An expression that fails only when its resource is deployed."""
    where = f"for resource '{resource_id}' at line '{place[0]}' and column '{place[1]}'"
    return invalid_template(f"Unable to process template language expressions {where}. '{error}'", place)


def outputs_failed(wrong: dict[str, TemplateError]) -> AzureError:
    code, names = "DeploymentOutputEvaluationFailed", ",".join(wrong)
    details = [
        {"code": code, "target": name, "message": f"The template output '{name}' is not valid: {error}."}
        for name, error in wrong.items()
    ]
    message = (
        f"Unable to evaluate template outputs: '{names}'. Please see error details and deployment operations. "
        "Please see https://aka.ms/arm-common-errors for usage details."
    )
    return AzureError(400, code, message, details=details)


def deployment_failed(deployment_id: str, details: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "code": "DeploymentFailed",
        "target": deployment_id,
        "message": "At least one resource deployment operation failed. Please list deployment operations for details. "
        "Please see https://aka.ms/arm-deployment-operations for usage details.",
        "details": details,
    }


def resource_failed(resource_id: str, state: str, details: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A write that was accepted but failed later."""
    return {
        "code": "ResourceDeploymentFailure",
        "target": resource_id,
        "message": "The resource write operation failed to complete successfully, because it reached terminal "
        f"provisioning state '{state}'.",
        "details": list(details),
    }


def unauthorized(sentences: list[str]) -> AzureError:
    """Resources that the caller has no permission to write."""
    text = f"The template deployment failed with error: '{sentences[0]}'."
    if len(sentences) > 1:
        text = f"Deployment failed with multiple errors: '{':'.join(sentences)}'"
    return AzureError(400, "InvalidTemplateDeployment", text, headers=GATEWAY)


def disallowed(details: list[dict[str, Any]]) -> AzureError:
    """Resources that a policy denies."""
    text = "The template deployment failed because of policy violation. Please see details for more information."
    return AzureError(400, "InvalidTemplateDeployment", text, headers=GATEWAY, details=details)


def invalid_deployment(message: str) -> AzureError:
    return AzureError(400, "InvalidDeployment", message, headers=GATEWAY)


def document(error: AzureError) -> dict[str, Any]:
    """An error as it appears in the details of another error."""
    return error.reply().body["error"]
