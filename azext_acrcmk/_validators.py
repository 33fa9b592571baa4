"""Checks of arguments that need no request. Conflicts with existing resources are found by the plan."""

import json
import os
import re
import tempfile
from datetime import datetime, timezone

from azure.cli.core.azclierror import (
    InvalidArgumentValueError,
    MutuallyExclusiveArgumentError,
    RequiredArgumentMissingError,
)
from azure.cli.core.commands.validators import validate_tags
from knack.log import get_logger

from azext_acrcmk.model.defaults import JSON_FORMATS
from azext_acrcmk.model.goal import AUTO, MANUAL, NEW_PARTS, days, days_left, duration
from azext_acrcmk.model.ids import (
    HSM_TYPE,
    IDENTITY_TYPE,
    REGISTRY_TYPE,
    VAULT_TYPE,
    ArmId,
    KeyId,
    is_guid,
    name_problem,
    same,
)

logger = get_logger(__name__)

# What `az acr cmk list` can write; apart from what writes it, because `-h` imports nothing else of the package.
REPORT_ENDINGS = (".json", ".csv", ".sarif", ".xml", ".html")
MIGRATION_ENDINGS = (".html", ".md")

SYSTEM_IDENTITY = "[system]"
MIN_ROTATION_DAYS = 7
MIN_LIFETIME_DAYS = 28
MIN_DAYS_TO_EXPIRY = 7
# Of an Azure resource (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources).
MOST_TAGS = 50
MOST_OF_A_TAG_NAME = 512
MOST_OF_A_TAG = 256
NOT_IN_TAG_NAMES = "<>%&\\?/"
MAX_EXPIRY_DAYS = 36500
MOST_IMPORTS = 50
A_DAY = 86400
_VERSION = re.compile("[0-9a-f]{32}", re.IGNORECASE)


def validate_registry(cmd, namespace):
    """A registry by its name, and optionally its group. A login server is accepted as a name, as in `az acr`."""
    if not namespace.resource_group_name:
        # As in core commands, `-g ""` is the same as no resource group.
        namespace.resource_group_name = None
    _check_name("resource group", namespace.resource_group_name)
    name = namespace.registry_name
    if name is None:
        return
    suffix = getattr(cmd.cli_ctx.cloud.suffixes, "acr_login_server_endpoint", None)
    if suffix and name.lower().endswith(suffix.lower()):
        # A hyphen is followed by the hash of a domain name label.
        namespace.registry_name = name = name[: -len(suffix)].split("-", 1)[0]
        logger.warning("The login server suffix '%s' is ignored. The registry name is '%s'.", suffix, name)
    _check_name("registry", name)


def validate_one_or_several(cmd, namespace):
    """A registry by its name, or one or more by their IDs."""
    if namespace.ids is None:
        if namespace.registry_name is None:
            raise RequiredArgumentMissingError("Specify the registry with --name, or registries with --ids.")
        validate_registry(cmd, namespace)
        return
    if namespace.registry_name and not getattr(namespace.registry_name, "is_default", False):
        raise MutuallyExclusiveArgumentError("--name and --ids can't be used together.")
    ids = [id_ for text in namespace.ids for id_ in _listed_ids(text)]
    if not ids:
        raise InvalidArgumentValueError("--ids has no resource IDs.")
    for text in ids:
        _check_registry_id(text)
    namespace.ids = list(dict.fromkeys(ids))


def _listed_ids(text):
    """The IDs in an argument: one on each line, or JSON as printed by the CLI."""
    try:
        values = json.loads(text)
    except ValueError:
        return text.split()
    values = values if isinstance(values, list) else [values]
    return [str(value.get("id")) if isinstance(value, dict) else str(value) for value in values]


def _check_registry_id(text):
    try:
        id_ = ArmId.parse(text)
    except ValueError as error:
        raise InvalidArgumentValueError(f"--ids: {error}") from None
    if id_.type != REGISTRY_TYPE:
        raise InvalidArgumentValueError(f"--ids requires IDs of registries, not of {_a(id_.type)}.")
    _check_name("registry", id_.name)


def validate_grant_timeout(namespace):
    """A number of seconds from 0 to a day."""
    if not 0 <= namespace.grant_timeout <= A_DAY:
        raise InvalidArgumentValueError(f"--grant-timeout must be a number of seconds from 0 to {A_DAY} (one day).")


def validate_interval(namespace):
    """The seconds between two reads, and the seconds after which to stop."""
    if not 1 <= namespace.interval <= A_DAY:
        raise InvalidArgumentValueError(f"--interval must be a number of seconds from 1 to {A_DAY} (one day).")
    if namespace.timeout < 0:
        raise InvalidArgumentValueError("--timeout must not be negative.")


def validate_expiry_days(namespace):
    """A number of days that can be added to a date."""
    if not 0 <= namespace.expiry_days <= MAX_EXPIRY_DAYS:
        raise InvalidArgumentValueError(f"--expiry-days must be a number from 0 to {MAX_EXPIRY_DAYS}.")


def validate_list(namespace):
    """One kind of scope, IDs of subscriptions, and with --from nothing that only matters where Azure is read."""
    given = [
        option
        for option, value in (
            ("--subscriptions", namespace.subscriptions),
            ("--management-groups", namespace.management_groups),
            ("--all", namespace.everywhere),
        )
        if value
    ]
    if len(given) > 1:
        raise MutuallyExclusiveArgumentError(f"{' and '.join(given)} can't be used together.")
    if getattr(namespace.resource_group_name, "is_default", False) and (given or namespace.from_file):
        # A configured default does not narrow what was typed.
        namespace.resource_group_name = None
    if namespace.from_file:
        _check_nothing_is_read(namespace, given)
    for path in namespace.report or ():
        _check_report(path)
    for subscription in namespace.subscriptions or ():
        if not is_guid(subscription):
            raise InvalidArgumentValueError(f"'{subscription}' is not a valid subscription ID.")


def _check_nothing_is_read(namespace, scope):
    """A report is shown as it was made: what says how to read Azure would be ignored."""
    others = (
        ("--resource-group", namespace.resource_group_name),
        ("--subscription", namespace._subscription),
        ("--depth", namespace.depth),
        ("--expiry-days", namespace.expiry_days),
    )
    typed = [option for option, value in others if value not in (None, "") and not getattr(value, "is_default", False)]
    if given := [*scope, *typed]:
        raise MutuallyExclusiveArgumentError(
            f"--from can't be used with {' or '.join(given)}: the report in '{namespace.from_file}' is shown as it was "
            "made, and Azure is not read."
        )


def _check_report(path, endings=REPORT_ENDINGS):
    """Before anything is read, which may take a minute."""
    ending = os.path.splitext(path)[1].lower()
    if ending not in endings:
        raise InvalidArgumentValueError(f"'{path}' must end with one of {', '.join(endings)}.")
    if os.path.isdir(path) or not os.path.isdir(os.path.dirname(path) or "."):
        raise InvalidArgumentValueError(f"'{path}' is not a file in an existing directory.")
    try:
        with tempfile.TemporaryFile(dir=os.path.dirname(path) or "."):
            pass
    except OSError as error:
        raise InvalidArgumentValueError(f"'{path}' can't be written: {error.strerror or error}.") from None


def validate_enable(cmd, namespace):
    """Checks and normalizes the options of `enable`."""
    validate_registry(cmd, namespace)
    if not namespace.resource_group_name:
        raise RequiredArgumentMissingError("Specify the resource group: --resource-group/-g.")
    _check_plan(cmd, namespace)


def validate_template(cmd, namespace):
    """Checks and normalizes the options of `template`, which are those of `enable` and where to write to."""
    validate_registry(cmd, namespace)
    if namespace.file is None and namespace.template_format not in JSON_FORMATS:
        raise RequiredArgumentMissingError(
            f"Specify the file to write to: --file/-f. To write to the standard output: --format "
            f"{namespace.template_format} --file -"
        )
    _check_plan(cmd, namespace)


def validate_wizard(cmd, namespace):
    """Checks and normalizes the options of `wizard`, which are those of `enable`; what is missing is asked for."""
    validate_registry(cmd, namespace)
    _check_plan(cmd, namespace)


def validate_migrate(cmd, namespace):
    """Checks and normalizes the options of `migrate`: those of `enable` for the new registry, and what to copy."""
    validate_registry(cmd, namespace)
    old = namespace.registry_name
    namespace.registry_name = namespace.target_name
    _check_name("registry", namespace.target_name)
    _check_plan(cmd, namespace)
    namespace.registry_name = old
    if same(old, namespace.target_name):
        raise InvalidArgumentValueError(
            "--to requires the name of another registry: a registry that exists can't be encrypted with a "
            "customer-managed key."
        )
    if namespace.concurrency is not None and not 1 <= namespace.concurrency <= MOST_IMPORTS:
        raise InvalidArgumentValueError(f"--concurrency must be a number from 1 to {MOST_IMPORTS}.")
    if not all(namespace.repositories or ["*"]):
        raise InvalidArgumentValueError("--repository: '' is not the name of a repository, or a pattern of names.")
    if namespace.freeze and namespace.unfreeze:
        raise MutuallyExclusiveArgumentError("--freeze and --unfreeze can't be used together.")
    if (namespace.freeze or namespace.unfreeze) and (namespace.repositories or namespace.since or namespace.what_if):
        raise MutuallyExclusiveArgumentError(
            "--freeze and --unfreeze are for the whole registry: they can't be used with --repository, --since or "
            "--what-if."
        )
    if namespace.report and (namespace.what_if or namespace.unfreeze):
        raise MutuallyExclusiveArgumentError(
            "--report is about what was copied: it can't be used with --what-if or --unfreeze."
        )
    for path in namespace.report or ():
        _check_report(path, MIGRATION_ENDINGS)
    if namespace.since is not None:
        namespace.since = _moment(namespace.since)


def _moment(value):
    """A date, or a date and time, in the form in which registries list it, in UTC and without a zone."""
    try:
        moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (OverflowError, ValueError):
        raise InvalidArgumentValueError(
            f"--since: '{value}' is not a date such as 2026-11-28, or a date and time such as 2026-11-28T09:30:00Z."
        ) from None
    if moment.timestamp() > datetime.now(timezone.utc).timestamp() + A_DAY:
        raise InvalidArgumentValueError(f"--since: '{value}' is in the future, so nothing would be copied.")
    return moment.isoformat()[:19]


def _check_plan(cmd, namespace):
    """Checks the options of a new registry and its parts."""
    if namespace.registry_name and namespace.registry_name != namespace.registry_name.lower():
        # As in `az acr create`: image names are lowercase and include the registry name.
        raise InvalidArgumentValueError(f"The registry name '{namespace.registry_name}' must be lowercase.")
    _check_name_or_id(namespace, "identity", "identity", IDENTITY_TYPE)
    _check_vault(namespace)
    _check_key_name(namespace.key_name)
    _check_key_encryption_key(cmd, namespace)
    _check_durations(namespace)
    validate_tags(namespace)  # the CLI's own validator, which would run later
    _check_tags(namespace.tags or {})
    # Lines of a file from Windows end with a carriage return.
    location = (namespace.location or "").strip()
    if location != namespace.location:  # a configured default stays known as one
        namespace.location = location or None
    if namespace.key_size:
        namespace.key_size = int(namespace.key_size)
    if namespace.retention_days is not None and not 7 <= namespace.retention_days <= 90:
        raise InvalidArgumentValueError(f"--retention-days must be from 7 to 90, not {namespace.retention_days}.")
    if namespace.allow_exports is False and namespace.public_network_enabled is not False:
        raise RequiredArgumentMissingError(
            "--allow-exports false requires --public-network-enabled false: Azure can disable exports only if public "
            "network access is disabled too."
        )
    if namespace.key_type == "RSA-HSM" and namespace.vault_sku == "standard":
        raise InvalidArgumentValueError("A standard vault does not support RSA-HSM keys. Use --vault-sku premium.")
    if namespace.permission_model == "access-policy" and namespace.grant_scope == "key":
        raise InvalidArgumentValueError(
            "An access policy applies to the whole vault: --grant-scope key requires --permission-model rbac."
        )


def _check_name(kind, name):
    if name is None:
        return
    if problem := name_problem(kind, name):
        raise InvalidArgumentValueError(problem)


def _check_key_name(name):
    if name and _VERSION.fullmatch(name):
        raise InvalidArgumentValueError(
            f"--key requires the name of a key; '{name}' looks like a version of a key. To specify a version: "
            "--key-encryption-key URI"
        )
    _check_name("key", name)


def _check_name_or_id(namespace, argument, kind, type_):
    value = getattr(namespace, argument)
    if value is None:
        return
    if "/" not in value:
        _check_is_name(argument, kind, value)
        _check_name(kind, value)
        return
    try:
        id_ = ArmId.parse(value)
    except ValueError as error:
        raise InvalidArgumentValueError(f"--{argument.replace('_', '-')}: {error}") from None
    if id_.type != type_:
        raise InvalidArgumentValueError(
            f"--{argument.replace('_', '-')} requires the name or ID of {_a(kind)}, not of {_a(id_.type)}."
        )
    _check_name(kind, id_.name)


def _check_is_name(argument, kind, value):
    """What evidently refers to something that exists, in another way than by its name, is no name for a new one."""
    option = f"--{argument.replace('_', '-')}"
    if is_guid(value):
        raise InvalidArgumentValueError(
            f"{option} requires the name or ID of {_a(kind)}; '{value}' looks like the client ID or object ID of one.",
            f"Find its ID: az identity list --query \"[?clientId=='{value}' || principalId=='{value}'].id\"",
        )
    if kind == "identity" and value.strip("[]").lower() in ("system", "systemassigned"):
        raise InvalidArgumentValueError(
            f"{option} {value}: the system-assigned identity of a registry is specified as '[system]', and only in "
            "`az acr cmk rotate`: a new registry requires a user-assigned identity."
        )
    if "." in value:
        raise InvalidArgumentValueError(
            f"{option} requires the name or ID of {_a(kind)}; '{value}' looks like the name of a host."
        )


def _a(kind):
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _check_vault(namespace):
    value = namespace.key_vault or ""
    if f"/{HSM_TYPE}/".lower() in value.lower():
        raise InvalidArgumentValueError(
            "--key-vault requires a key vault. For a key in a managed HSM, specify its URI in --key-encryption-key."
        )
    _check_name_or_id(namespace, "key_vault", "key vault", VAULT_TYPE)


def validate_rotate(cmd, namespace):
    """Checks the options of `rotate`."""
    validate_registry(cmd, namespace)
    if same(namespace.identity, SYSTEM_IDENTITY):
        namespace.identity = SYSTEM_IDENTITY
    else:
        _check_name_or_id(namespace, "identity", "identity", IDENTITY_TYPE)
    _check_vault(namespace)
    _check_key_name(namespace.key_name)
    _check_key_encryption_key(cmd, namespace)
    after_wait = [name for name in ("revoke_old", "disable_old_version") if getattr(namespace, name)]
    if namespace.no_wait and after_wait:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in after_wait)
        raise MutuallyExclusiveArgumentError(
            f"--no-wait can't be used with {options}, which must wait until the registry uses its new key."
        )


def _check_key_encryption_key(cmd, namespace):
    if namespace.key_encryption_key is None:
        return
    given = [name for name in NEW_PARTS if getattr(namespace, name, None)]
    if given:
        options = ", ".join("--key" if name == "key_name" else f"--{name.replace('_', '-')}" for name in given)
        raise MutuallyExclusiveArgumentError(
            f"--key-encryption-key specifies an existing key, so it can't be used with {options}."
        )
    try:
        key = KeyId.parse(namespace.key_encryption_key)
    except ValueError as error:
        raise InvalidArgumentValueError(f"--key-encryption-key: {error}") from None
    suffixes = cmd.cli_ctx.cloud.suffixes
    own = [getattr(suffixes, name, None) or "" for name in ("keyvault_dns", "mhsm_dns")]
    if key.suffix not in [suffix.lstrip(".").lower() for suffix in own]:
        raise InvalidArgumentValueError(
            f"--key-encryption-key: '{key.host}' is not in the cloud you are logged in to ({cmd.cli_ctx.cloud.name})."
        )
    form = MANUAL if key.version else AUTO
    if namespace.rotation and namespace.rotation != form:
        has = "a version, so the registry is pinned to it"
        if not key.version:
            has = "no version, so the registry uses new versions automatically"
        raise InvalidArgumentValueError(
            f"The URI in --key-encryption-key has {has}; this conflicts with --rotation {namespace.rotation}."
        )


def _check_tags(tags):
    if len(tags) > MOST_TAGS:
        raise InvalidArgumentValueError(f"--tags: a resource can have at most {MOST_TAGS} tags, not {len(tags)}.")
    for name, value in tags.items():
        if not name or len(name) > MOST_OF_A_TAG_NAME or set(name) & set(NOT_IN_TAG_NAMES):
            raise InvalidArgumentValueError(
                f"--tags: '{name}' is not a valid tag name: it must have 1 to {MOST_OF_A_TAG_NAME} characters, none of "
                f"{' '.join(NOT_IN_TAG_NAMES)}"
            )
        if len(value) > MOST_OF_A_TAG:
            raise InvalidArgumentValueError(
                f"--tags: the value of '{name}' has {len(value)} characters, but can have at most {MOST_OF_A_TAG}."
            )


def _check_durations(namespace):
    for argument, least in (("rotation_period", MIN_ROTATION_DAYS), ("key_lifetime", MIN_LIFETIME_DAYS)):
        value = getattr(namespace, argument)
        if value is None:
            continue
        option = f"--{argument.replace('_', '-')}"
        try:
            iso = duration(value)
        except ValueError as error:
            raise InvalidArgumentValueError(f"{option}: {error}") from None
        if days(iso) < least:
            raise InvalidArgumentValueError(f"{option} must be at least {least} days, not {value}.")
        setattr(namespace, argument, iso)
    period, lifetime = namespace.rotation_period, namespace.key_lifetime
    if period and lifetime and days_left(period, lifetime) < MIN_DAYS_TO_EXPIRY:
        raise InvalidArgumentValueError(
            f"--rotation-period {period} must be at least {MIN_DAYS_TO_EXPIRY} days shorter than --key-lifetime "
            f"{lifetime}: Key Vault rotates no later than that before a version expires."
        )
    if lifetime and not period:
        raise RequiredArgumentMissingError(
            "--key-lifetime requires --rotation-period: without new versions of the key, the registry could no longer "
            "use it once the current version expires."
        )
