"""Table output, at most 120 columns wide."""

import textwrap
from collections import OrderedDict

from azext_acrcmk.model.names import short

VALUE_WIDTH = 100


def enable_table(result):
    """The plan of --what-if, or the steps that were done."""
    return [line for each in _each(result) for line in (_plan(each) if isinstance(each, list) else _steps(each))]


def _each(result):
    """The result of each registry, as --ids may name several. A plan, and what `check` gives, is a list itself."""
    several = isinstance(result, list) and result and (isinstance(result[0], list) or "health" in result[0])
    return result if several else [result]


def _plan(rows):
    return [line for row in rows for line in _plan_lines(row)]


def _steps(result):
    return [
        OrderedDict(
            Step=row["step"],
            Resource=_cut(short(row["resource"]), 70),
            Outcome=row["outcome"],
            Seconds=row["seconds"],
        )
        for row in result["steps"]
    ]


def _plan_lines(row):
    """One row of the plan, with more lines where its reason is long."""
    head = {"Symbol": row["symbol"], "Action": row["action"], "Resource": _cut(short(row["resource"]), 38)}
    irreversible = "yes" if row["irreversible"] else ""
    for first, reason in _wrapped(row["reason"], 44):
        shown = head if first else dict.fromkeys(head, "")
        yield OrderedDict(**shown, Reason=reason, Irreversible=irreversible if first else "")


def show_table(result):
    """A registry as lines of property and value, its findings last."""
    return _property_table(line for registry in _each(result) for line in _show_lines(registry))


def _property_table(lines):
    return [
        OrderedDict(Property=name if first else "", Value=part)
        for name, value in lines
        for first, part in _wrapped(value)
    ]


def check_table(result):
    """One row a check, with more lines where its message is long; each of several registries under its name."""
    names = dict.fromkeys(row["registry"] for row in result)
    if len(names) < 2:
        return _checks(result)
    return [
        line
        for name in names
        for line in (_registry_line(name), *_checks(row for row in result if row["registry"] == name))
    ]


def _registry_line(name):
    return OrderedDict(Code="", Severity="", Status="", Message=f"Registry {name}")


def _checks(rows):
    return [line for row in rows for line in _check_lines(row)]


def repair_table(result):
    """The plan of --what-if, or what was done and what is left."""
    return [line for each in _each(result) for line in (_plan(each) if isinstance(each, list) else _repaired(each))]


def _repaired(result):
    rows = [("Done", f"{row['step']} {row['outcome']}: {short(row['resource'])}") for row in result["steps"]]
    rows += [("Left", f"{row['code']}: {row['message']} {_way_out(row)}") for row in result["findings"]]
    return _property_table([("Registry", result["name"]), *rows, ("Health", result["health"])])


def _way_out(row):
    return f"Fix: {row['fix']}" if row["fix"] else row["cure"]


def _check_lines(row):
    head = {"Code": row["code"], "Severity": row["severity"], "Status": row["status"]}
    text = row["message"] + (f" Fix: {row['fix']}" if row["fix"] else "")
    for first, part in _wrapped(text, 70):
        yield OrderedDict(**(head if first else dict.fromkeys(head, "")), Message=part)


def _show_lines(registry):
    encryption = registry["encryption"]
    yield "Registry", f"{registry['name']} ({registry['sku']}, {registry['location']}, {registry['provisioningState']})"
    yield "Encryption", encryption["status"]
    yield "Health", registry["health"]
    if registry["key"]:
        automatic = (encryption.get("keyVaultProperties") or {}).get("keyRotationEnabled")
        rotation = {True: "auto", False: "manual"}.get(automatic, "unknown")
        yield "Key", registry["key"]["id"]
        yield "Version", f"{registry['key']['versionInUse']} ({_currency(registry['key'])}, rotation {rotation})"
    if registry["vault"]:
        vault = registry["vault"]
        yield "Vault", f"{short(vault['id'])} ({vault['permissionModel'] or vault['kind']})"
    if registry["identity"]:
        yield "Identity", short(registry["identity"]["id"] or registry["identity"]["clientId"])
    if registry["access"]:
        yield "Access", _access(registry["access"])
    for finding in registry["findings"]:
        fix = f" Fix: {finding['fix']}" if finding["fix"] else ""
        yield finding["severity"].capitalize(), f"{finding['code']}: {finding['message']}{fix}"


def _currency(key):
    return {True: "latest", False: f"latest is {key['latestVersion']}"}.get(key["upToDate"], "latest unknown")


def _access(access):
    if access["granted"] is None:
        return "unknown"
    if not access["granted"]:
        return f"lacks {', '.join(access['missing'])}"
    return "granted by " + ", ".join(f"{source['kind']} '{source['name']}'" for source in access["through"])


def _wrapped(value, width=VALUE_WIDTH):
    # Not at hyphens: names and commands stay whole.
    parts = textwrap.wrap(str(value), width, break_on_hyphens=False) or [""]
    return [(index == 0, part) for index, part in enumerate(parts)]


def _cut(text, width):
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
