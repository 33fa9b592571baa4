"""On random damaged fleets `list` and `check` agree, registry by registry: in the same codes and the same words."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from azext_acrcmk.rules import CATALOGUE
from azext_acrcmk.rules.catalogue import NOT_LOADED
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.listed import wrong

# What needs no key is judged whatever the depth.
OF_THE_GRAPH = {rule.code for rule in CATALOGUE if not {"key", "version_in_use"} & set(rule.needs)}

fleets = st.fixed_dictionaries(
    {
        "registries": st.integers(10, 40),
        "vaults": st.integers(3, 12),
        "keys": st.integers(12, 30),
        "subscriptions": st.integers(1, 4),  # the login knows two; the vaults of some registries are in the others
        "seed": st.integers(0, 2**31),
        "damaged": st.sampled_from([0.3, 0.9, 1.0]),
        "central_vaults": st.booleans(),
    }
)


def listed(az, depth: str) -> dict[str, dict]:
    """The rows by the names of the registries; nothing may be unseen."""
    result = az(f"acr cmk list --all --depth {depth}").json()
    assert result["notSeen"] == []
    return {row["name"]: row for row in result["registries"]}


@settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(fleets, st.sampled_from(["key", "live"]))
def test_list_and_check_agree(azure, quick_az, sizes, depth):
    azure.reset(graph_quota=0)
    ids = list(azure.seed_fleet(**sizes)["registries"])
    known = [id_ for id_ in ids if id_.split("/")[2] in (SUBSCRIPTION, OTHER_SUBSCRIPTION)]
    full, shallow = listed(quick_az, depth), listed(quick_az, "registry")
    names = {id_.rsplit("/", 1)[-1] for id_ in ids}
    assert full.keys() == shallow.keys() == names
    checked = json.loads(quick_az(f"acr cmk check --fail-on none --ids {' '.join(known)}").out)
    by_check = {name: [row for row in checked if row["registry"] == name] for name in names}
    for name in (id_.rsplit("/", 1)[-1] for id_ in known):
        said = wrong(by_check[name])
        assert wrong(full[name]["findings"]) == said, (sizes, name)
        # What is not read is left open, and what is said is the same.
        less = wrong(shallow[name]["findings"])
        assert less <= said, (sizes, name)
        assert {each[0] for each in said - less} <= {rule.code for rule in CATALOGUE} - OF_THE_GRAPH
        assert shallow[name]["health"] in (full[name]["health"], NOT_LOADED), (sizes, name)
