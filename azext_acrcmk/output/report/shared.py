"""What depends on what: the vaults that most registries depend on, their keys, and the registries of each. Pure."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Any

from azext_acrcmk.model.value import Value, immutable

# The picture shows the largest; the table beside it has the same.
_MOST_VAULTS, _MOST_KEYS = 8, 5
_ROW, _VAULT_X, _KEY_X, _BAR_X, _BAR, _WIDTH = 24, 4, 280, 560, 180, 800
_LETTERS = 32  # that fit into a column


@immutable
class _Key(Value):
    name: str
    registries: int
    broken: int


@immutable
class _Vault(Value):
    host: str
    keys: list[_Key]
    registries: int


def shared(rows: list[dict[str, Any]]) -> str:
    """A section with a picture and a table; nothing where no key or vault is shared."""
    vaults = [vault for vault in _vaults(rows) if vault.registries > 1]
    if not vaults:
        return ""
    shown = vaults[:_MOST_VAULTS]
    more = f" The {len(shown)} of {len(vaults)} vaults on which most depend." if len(vaults) > len(shown) else ""
    return (
        '<section aria-labelledby="shared-title"><h2 id="shared-title">What depends on what</h2>'
        f"<p>If a vault or key is lost, the registries to the right of it stop working.{more}</p>"
        f'<div class="wide" role="region" aria-label="Picture" tabindex="0">{_picture(shown)}</div>'
        f"<details><summary>The same as a table</summary>{_table(shown)}</details></section>"
    )


def _vaults(rows: list[dict[str, Any]]) -> list[_Vault]:
    """Those that most registries depend on first."""
    users: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    for row in rows:
        host, _, name = (row.get("key") or "").removeprefix("https://").partition("/keys/")
        if name:
            users[host, name] += 1
            broken[host, name] += row["health"] == "broken"
    keys: dict[str, list[_Key]] = {}
    for (host, name), number in users.most_common():
        keys.setdefault(host, []).append(_Key(name, number, broken[host, name]))
    found = [_Vault(host, some, sum(key.registries for key in some)) for host, some in keys.items()]
    return sorted(found, key=lambda vault: (-vault.registries, vault.host))


def _shown(vault: _Vault) -> list[_Key]:
    """The largest keys, and all others as one."""
    first, rest = vault.keys[:_MOST_KEYS], vault.keys[_MOST_KEYS:]
    if not rest:
        return first
    total, broken = sum(key.registries for key in rest), sum(key.broken for key in rest)
    return [*first, _Key(f"{len(rest)} other keys", total, broken)]


def _picture(vaults: list[_Vault]) -> str:
    most = max(key.registries for vault in vaults for key in _shown(vault))
    parts, top = [], 0
    for vault in vaults:
        keys = _shown(vault)
        middle = top + _ROW * len(keys) / 2
        parts.append(f'<text x="{_VAULT_X}" y="{middle + 5:.0f}">{_cut(vault.host.partition(".")[0])}</text>')
        for number, key in enumerate(keys):
            at = top + _ROW * number + _ROW / 2
            width, gone = _BAR * key.registries / most, _BAR * key.broken / most
            parts.append(
                f'<path class="hang" d="M{_KEY_X - 60} {middle:.0f} C{_KEY_X - 30} {middle:.0f} {_KEY_X - 30} {at:.0f} '
                f'{_KEY_X - 6} {at:.0f}"/><text x="{_KEY_X}" y="{at + 5:.0f}">{_cut(key.name)}</text>'
                f'<rect class="bar" x="{_BAR_X}" y="{at - 7:.0f}" width="{width:.1f}" height="14"/>'
                f'<rect class="gone" x="{_BAR_X}" y="{at - 7:.0f}" width="{gone:.1f}" height="14"/>'
                f'<text x="{_BAR_X + width + 6:.1f}" y="{at + 5:.0f}">{key.registries}</text>'
            )
        top += _ROW * len(keys) + 10
    said = ", ".join(f"{vault.host.partition('.')[0]} {vault.registries}" for vault in vaults)
    return (
        f'<svg class="tree" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" role="img" '
        f'aria-label="Registries by vault and key: {escape(said)}">{"".join(parts)}</svg>'
    )


def _cut(name: str) -> str:
    return escape(name if len(name) <= _LETTERS else name[: _LETTERS - 1] + "\u2026")


def _table(vaults: list[_Vault]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(vault.host)}</th><td>{escape(key.name)}</td><td>{key.registries}</td>'
        f"<td>{key.broken}</td></tr>"
        for vault in vaults
        for key in _shown(vault)
    )
    return (
        '<table><thead><tr><th scope="col">Vault</th><th scope="col">Key</th><th scope="col">Registries</th>'
        f'<th scope="col">Of these broken</th></tr></thead><tbody>{rows}</tbody></table>'
    )
