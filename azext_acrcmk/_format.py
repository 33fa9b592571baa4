"""Table output: as wide as the terminal, or 120 columns. Commands are never broken across lines, whatever the width."""

import re
import shutil
import sys
from collections import OrderedDict

from azext_acrcmk.model.names import short

WIDTH = 120
# Below this, a terminal has to break the lines itself.
MIN_WIDTH = 80
# Between two columns, and what tabulate adds to a heading.
GAP = 2
IRREVERSIBLE = "Irreversible"

# A command in a sentence: after a colon, up to the end of the sentence or text.
_COMMAND = re.compile(r'(?<=: )az (?:"[^"]*"|\'[^\']*\'|[^\s"\'])+(?:(?<![.;]) (?:"[^"]*"|\'[^\']*\'|[^\s"\'])+)*')
_QUOTED = re.compile(r"`az [^`]*`")
_NO_BREAK = "\0"


def enable_table(result):
    """The plan of --what-if, or the completed steps."""
    return _plan(result) if isinstance(result, list) else _steps(result["steps"])


def repair_table(result):
    """The plan of --what-if, or the completed steps and the remaining problems."""
    return _plan(result) if isinstance(result, list) else _property_table(_repair_lines(result))


def show_table(result):
    """One registry, or several, as lines of property and value, with the findings last."""
    registries = result if isinstance(result, list) else [result]
    return _property_table([line for registry in registries for line in _show_lines(registry)])


def check_table(result):
    """One row for each check, with more lines if its message is long; several registries under their names."""
    width = _rest(("Code", *(row["code"] for row in result)), ("Severity",), ("Status", "notLoaded"))
    names = dict.fromkeys(row["registry"] for row in result)
    lines = []
    for name in names:
        if len(names) > 1:
            lines.append(OrderedDict(Code="", Severity="", Status="", Message=f"Registry {name}"))
        lines += [line for row in result if row["registry"] == name for line in _check_lines(row, width)]
    return lines


def list_table(result):
    """One row for each registry, the worst first; then how many there are, what could not be read, and how much changed
    since --compare."""
    rows, compared = result["registries"], result.get("comparison")
    names, keys = [row["name"] for row in rows], [short(row["key"]) if row["key"] else "" for row in rows]
    changes = _changes_of(rows, compared)
    health = ("Health", *(row["health"] for row in rows), "compared" if compared else "")
    left = _rest(health, ("Expires", "2026-01-01"), *([("Change", *changes)] if compared else []))
    name_width, key_width = (min(max(map(len, texts), default=0), left // 3) for texts in (names, keys))
    width = left - max(name_width, len("Name") + GAP) - max(key_width, len("Key") + GAP) - 2 * GAP
    lines = [
        OrderedDict(
            Health=row["health"],
            **({"Change": change} if compared else {}),
            Name=_cut(name, name_width),
            Key=_cut(key, key_width),
            Expires=(row["expires"] or "")[:10],
            Findings=_cut(", ".join(each["code"] for each in row["findings"]), width),
        )
        for row, name, key, change in zip(rows, names, keys, changes, strict=True)
    ]
    ends = [("total", part) for part in _broken(_total(result), width)]
    if result["partial"]:
        ends += [("partial", part) for part in _broken(_missing(result["notSeen"]), width)]
    if compared:
        ends += [("compared", part) for part in _broken(f"Since {compared['since'][:10]}: {_changes(compared)}", width)]
    blank = dict.fromkeys(("Change", "Name", "Key", "Expires") if compared else ("Name", "Key", "Expires"), "")
    for number, (kind, text) in enumerate(ends):
        again = number and ends[number - 1][0] == kind
        lines.append(OrderedDict(Health="" if again else kind, **blank, Findings=text))
    return lines


_CHANGES = {"notComparable": "not comparable"}


def _total(result):
    """How many registries there are, in which health. Of one that is listed, its row says it."""
    from azext_acrcmk.model.defaults import HEALTHS

    counts = result["counts"]
    total = counts["total"]
    if total == len(result["registries"]) == 1:
        return ""
    states = ", ".join(f"{counts[health]}{_NO_BREAK}{health}" for health in HEALTHS if counts.get(health))
    return f"{total} {'registry' if total == 1 else 'registries'}{': ' if states else ''}{states}"


def _missing(missed):
    first = f": {missed[0]['what']}" if missed else ""
    more = f" and {len(missed) - 1} more" if len(missed) > 1 else ""
    return f"Could not be read{first}{more}"


def _changes_of(rows, compared):
    from azext_acrcmk.output.fleet_compare import KINDS

    kinds = {each["id"].lower(): _CHANGES.get(kind, kind) for kind in KINDS for each in (compared or {}).get(kind, ())}
    return [kinds.get(row["id"].lower(), "") for row in rows]


def _changes(compared):
    from azext_acrcmk.output.fleet_compare import KINDS

    counts = [f"{len(compared[kind])}{_NO_BREAK}{_CHANGES.get(kind, kind)}" for kind in KINDS if compared[kind]]
    return ", ".join(counts) or "nothing changed"


def migrate_table(result):
    """What --what-if found, or what was copied and how both registries compare, or what was opened again."""
    if "opened" in result:
        return [OrderedDict(Unlocked=name) for name in result["opened"]]
    return _property_table(_what_if_lines(result) if "plan" in result else _migrated_lines(result))


# How many rows of one kind a table has.
MOST_OF_A_KIND = 20


def _what_if_lines(result):
    yield "Old registry", f"{result['source']['name']} ({result['source']['loginServer']})"
    yield "New registry", result["target"]["name"]
    yield from _inventory_lines(result["inventory"])
    settings = [f"{count} {kind}" for kind, count in result["inventory"]["settings"].items() if count]
    if settings:
        yield "Settings", ", ".join(settings)
    yield "To import", f"{result['toImport']} manifests ({result['alreadyThere']} already in the new registry)"
    time = result["timeToExpect"]
    yield "Time", f"{_duration(time['leastSeconds'])} to {_duration(time['mostSeconds'])}, depending on the service"
    for row in result["plan"]:
        yield row["action"].capitalize(), f"{short(row['resource'])}: {row['reason']}"
    yield from _exceptions(result)


def _migrated_lines(result):
    source, target = result["source"], result["target"]
    yield "Old registry", f"{source['name']} ({source['loginServer']})"
    yield "New registry", f"{target['name']} ({target['loginServer']}), {result['health']}"
    yield from _inventory_lines(result["inventory"])
    yield "Imported", f"{result['imported']} manifests, with {result['tagsSet']} tags"
    if result["tagsMoved"]:
        yield "Moved", f"{len(result['tagsMoved'])} tags, to where the old registry has them"
    if result["written"]:
        yield "Written", f"{result['written']} indexes that import does not copy"
    yield "Already there", f"{result['alreadyThere']} manifests"
    yield from _exceptions(result)
    cut_over = result.get("cutOver")
    if cut_over:
        for row in cut_over["naming"]:
            yield "References old", f"{row['type']} {row['name']}"
        for row in cut_over["mayPull"]:
            who = short(row["resource"]) if row["resource"] else f"{row['principalType']} {row['principalId']}"
            yield "Can pull", f"{who} ({row['role']})"
        for number, step in enumerate(cut_over["steps"], 1):
            yield f"To do {number}", step["what"]
            if step["command"]:
                yield "Command", step["command"]
    compared = " of what was selected" if result["selected"] else ""
    yield "Verified", f"yes: digests, tags and sizes{compared} are the same" if result["verified"] else "no"


def _inventory_lines(totals):
    attached = f", {totals['referrers']} of them attached to others" if totals["referrers"] else ""
    yield "Content", f"{totals['repositories']} repositories, {totals['tags']} tags, {_size(totals['sizeInBytes'])}"
    yield "Manifests", f"{totals['manifests']}, {totals['untagged']} of them without a tag{attached}"


def _exceptions(result):
    yield from _some(
        "Failed", [f"{row['repository']} {row['what']}: {row['error']}" for row in _of(result, "failures")]
    )
    conflicts = [
        f"{row['repository']}:{row['tag']} is {row['target']} in the new registry, but {row['source']} in the old one. "
        "Specify --force to move it."
        for row in result["conflicts"]
    ]
    yield from _some("Conflict", conflicts)
    differing = [
        f"{row['kind']}: {row['repository']} {row['what']} "
        f"(old: {row['source'] or 'none'}, new: {row['target'] or 'none'})"
        for row in _of(result, "differences")
    ]
    yield from _some("Different", differing)
    for row in result["notCopied"][:MOST_OF_A_KIND]:
        yield "Not copied", f"{row['what']}: {row['why']}"
        if row["command"]:
            yield "Fix", row["command"]
    yield from _more(len(result["notCopied"]))
    settings = result.get("settings") or {"set": [], "failed": []}
    if settings["set"]:
        yield "Settings", ", ".join(f"{row['kind']} {row['name']}" for row in settings["set"])
    yield from _some("Not set", [f"{row['kind']} {row['name']}: {row['why']}" for row in settings["failed"]])
    for row in [] if "cutOver" in result else _of(result, "byHand"):
        yield "Manual", f"{row['what']}: {row['why']}"
        if row["command"]:
            yield "Command", row["command"]


def _of(result, name):
    return result.get(name) or []


def _some(name, texts):
    yield from ((name, text) for text in texts[:MOST_OF_A_KIND])
    yield from _more(len(texts))


def _more(count):
    if count > MOST_OF_A_KIND:
        yield "", f"and {count - MOST_OF_A_KIND} more: --output json"


def _duration(seconds):
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 7200 else f"{round(seconds / 3600)} hours"


def _size(count):
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _check_lines(row, width):
    head = {"Code": row["code"], "Severity": row["severity"], "Status": row["status"]}
    parts = _wrapped(row["message"], width) + ([f"Fix: {row['fix']}"] if row["fix"] else [])
    return [
        OrderedDict(**(dict.fromkeys(head, "") if number else head), Message=part) for number, part in enumerate(parts)
    ]


def _plan(rows):
    """One row for each change, with more lines if its reason is long. The reason is last, as it has no limit."""
    actions = ("Action", *(row["action"] for row in rows))
    left = _rest(("Symbol",), actions, (IRREVERSIBLE,))
    names = [short(row["resource"]) for row in rows]
    resource_width = min(max(map(len, names), default=0), left * 2 // 5)
    reason_width = left - max(resource_width, len("Resource") + GAP) - GAP
    lines = []
    for row, name in zip(rows, names, strict=True):
        head = {
            "Symbol": row["symbol"],
            "Action": row["action"],
            "Resource": _cut(name, resource_width),
            IRREVERSIBLE: "yes" if row["irreversible"] else "",
        }
        for number, reason in enumerate(_wrapped(row["reason"], reason_width)):
            lines.append(OrderedDict(**(dict.fromkeys(head, "") if number else head), Reason=reason))
    return lines


def _steps(steps):
    width = _rest(("Step", *(row["step"] for row in steps)), ("Outcome", "notChecked"), ("Seconds",))
    return [
        OrderedDict(
            Step=row["step"],
            Resource=_cut(short(row["resource"]), width),
            Outcome=row["outcome"],
            Seconds=row["seconds"],
        )
        for row in steps
    ]


def _property_table(lines):
    lines = list(lines)
    width = _rest(("Property", *(name for name, _ in lines)))
    return [
        OrderedDict(Property="" if number else name, Value=part)
        for name, value in lines
        for number, part in enumerate([value] if name in ("Fix", "Command") else _wrapped(value, width))
    ]


def _repair_lines(result):
    yield "Registry", result["name"]
    for row in result["steps"]:
        yield "Done", f"{row['step']} {row['outcome']}: {short(row['resource'])}"
    for row in result["findings"]:
        yield "Remaining", f"{row['code']}: {row['message']}" + ("" if row["fix"] else f" {row['cure']}")
        yield from _fix(row)
    yield "Health", result["health"]


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
        yield finding["severity"].capitalize(), f"{finding['code']}: {finding['message']}"
        yield from _fix(finding)


def _fix(finding):
    return [("Fix", finding["fix"])] if finding["fix"] else []


def _currency(key):
    return {True: "latest", False: f"latest is {key['latestVersion']}"}.get(key["upToDate"], "latest unknown")


def _access(access):
    if access["granted"] is None:
        return "unknown"
    if not access["granted"]:
        return f"missing {', '.join(access['missing'])}"
    return "granted by " + ", ".join(f"{source['kind']} '{source['name']}'" for source in access["through"])


def _rest(*columns):
    """The width that columns leave for another one. Each has a heading, and texts."""
    return _width() - sum(max(len(heading) + GAP, *map(len, texts), 0) + GAP for heading, *texts in columns)


def _width():
    if not sys.stdout.isatty():
        return WIDTH
    return max(shutil.get_terminal_size((WIDTH, 0)).columns, MIN_WIDTH)


def _wrapped(value, width):
    """The lines of a text. A command after a colon has a line of its own, and one in backquotes is not broken."""
    lines, text, begin = [], str(value), 0
    for match in _COMMAND.finditer(text):
        lines += [*_broken(text[begin : match.start()], width), match[0].rstrip(".;")]
        begin = match.end()
    return lines + _broken(text[begin:], width) or [""]


def _broken(text, width):
    """The lines of a text without commands of their own. Only words that are longer than a line are broken."""
    kept = _QUOTED.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)
    lines = []
    for word in kept.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        elif _NO_BREAK in word:
            lines.append(word)
        else:
            lines += [word[begin : begin + width] for begin in range(0, len(word), width)]
    return [line.replace(_NO_BREAK, " ") for line in lines]


def _cut(text, width):
    return text if len(text) <= width else text[: width - 3].rstrip() + "..."
