"""`az acr cmk template`"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from azure.cli.core.azclierror import FileOperationError, ResourceNotFoundError, ValidationError
from knack.log import get_logger

from azext_acrcmk._errors import problems_error
from azext_acrcmk.cloud.load import load_goal_state, load_registry_state
from azext_acrcmk.cloud.reads import get_registry
from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.registry_options import ROLE_ASSIGNMENT_MODE_API_VERSION, RegistryOptions
from azext_acrcmk.model.state import Registry
from azext_acrcmk.operations.files import write_whole
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.template.first import problems_of
from azext_acrcmk.output.template.formats import FORMATS, Format, next_command
from azext_acrcmk.output.template.parts import Parts, exported_parts, parts_of
from azext_acrcmk.plan.enable import plan_enable

logger = get_logger(__name__)

STDOUT = "-"


def template(
    cmd, registry_name: str, group: str | None, template_format: str, file: str | None, yes: bool, **options: Any
):
    """Writes the plan of `enable`, and changes nothing; without options, exports an encrypted registry."""
    form = FORMATS[template_format]
    with Session.of(cmd) as session:
        parts = _parts(session, registry_name, group, options)
        if problems := problems_of(parts, template_format):
            raise problems_error(problems)
        written = form.write(parts)
    if file and file != STDOUT and not yes:
        _check_new(file, written, form)
    shown = file if file and file != STDOUT else f"azuredeploy{form.suffix}" if form.is_json else f"FILE{form.suffix}"
    rotates_again = form.rotates_again and parts.new_key and parts.pinned
    if file is None and form.is_json:
        _tell(cmd, rotates_again, next_command(form, parts, shown))
        return written
    texts = _texts(written, form)
    if file == STDOUT:
        if len(texts) > 1:
            raise ValidationError(
                f"Format {template_format} needs more than one file here: {', '.join(filter(None, texts))}.",
                ["Specify the main file: --file main.bicep"],
            )
        sys.stdout.write(texts[""])
    else:
        for name, text in texts.items():
            _write(Path(file).with_name(name) if name else Path(file), text, yes)
    _tell(cmd, rotates_again, next_command(form, parts, shown))
    return None


def _texts(written: Any, form: Format) -> dict[str, str]:
    """What goes into files, by their names; the main one's is empty."""
    if form.is_json:
        return {"": json.dumps(written, indent=2) + "\n"}
    return written if isinstance(written, dict) else {"": written}


def _check_new(file: str, written: Any, form: Format) -> None:
    for name in _texts(written, form):
        path = Path(file).with_name(name) if name else Path(file)
        if path.exists():
            raise _exists(path)


def _exists(path: Path) -> ValidationError:
    return ValidationError(f"'{path}' exists.", ["Specify another file, or replace it with --yes."])


def _write(path: Path, text: str, replace: bool) -> None:
    try:
        write_whole(path, text, replace)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise FileOperationError(f"'{path}' can't be written: {error.strerror}.") from error


def _parts(session: Session, name: str, group: str | None, options: dict[str, Any]) -> Parts:
    if not _asks_for_something(options):
        found = _encrypted(session, name, group)
        if found:
            return exported_parts(load_registry_state(session.clients, found, session.login.subscriptions))
    if not group:
        raise ResourceNotFoundError(
            f"Registry '{name}' is not encrypted with a customer-managed key, so there is nothing to write.",
            ["To create a registry, specify its resource group: --resource-group"],
        )
    login = session.login
    goal = enable_goal(
        ArmId(login.subscription, group, REGISTRY_TYPE, name), login.tenant, login.vault_suffix, **options
    )
    session.clients.registry_api_version = max(goal.options.api_version, ROLE_ASSIGNMENT_MODE_API_VERSION)
    goal, state = load_goal_state(session.clients, goal, login.subscriptions, session.progress.note, session.stop)
    plan = session.checked(plan_enable(goal, state, session.now))
    for change in plan.changes:
        if change.notice:
            logger.warning(change.notice)
    return parts_of(plan)


def _asks_for_something(options: dict[str, Any]) -> bool:
    return any(
        value not in (None, False, "vault") and value != RegistryOptions() and not getattr(value, "is_default", False)
        for name, value in options.items()
        if name != "grant_timeout"
    )


def _encrypted(session: Session, name: str, group: str | None) -> Registry | None:
    """The registry with that name, if it is encrypted with a customer-managed key."""
    session.clients.registry_api_version = ROLE_ASSIGNMENT_MODE_API_VERSION
    found = get_registry(session.clients, session.registry_id(name, group))
    if not group and not isinstance(found, Registry):
        found = session.registry(name, group)
    if isinstance(found, Registry) and found.encryption.enabled and found.encryption.key and found.settled:
        return None if found.went_wrong else found
    return None


def _tell(cmd, rotates_again: bool, command: str) -> None:
    """Written to stderr, so that stdout has only the template."""
    if cmd.cli_ctx.only_show_errors:
        return
    said = [f"Next: {command}"]
    if rotates_again:
        said.insert(
            0,
            "The registry is pinned to the version of the key that is current at deployment. If the key has been "
            "rotated, deploying again changes the registry to the new version, unless you specify the version in use.",
        )
    for line in said:
        sys.stderr.write(f"{line}\n")
