"""What is asked of Azure before a plan is carried out."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.preflight import Ahead
from azext_acrcmk.model.ids import Scope
from azext_acrcmk.model.preflight import Allowed, NewResource, Questions
from azext_acrcmk.model.state import Unknown

GROUP = Scope("/subscriptions/s/resourceGroups/rg")


def asked(**more) -> Questions:
    return Questions(**{"providers": (), "scopes": (), "resources": (), "new_vault": None, "quota_of": None, **more})


class Paged(Arm):
    """Lists the blocks of permissions on a page each, as the specification of the list (`nextLink`) allows."""

    def __init__(self, *actions: str):
        self._base, self._actions = "https://management.azure.com", actions

    def _send(self, _method, url, *_, **__):
        page = int(url.partition("page=")[2] or 0)
        link = {"nextLink": f"{self._base}/next?page={page + 1}"} if page + 1 < len(self._actions) else {}
        return {"value": [{"actions": [self._actions[page]]}], **link}


def test_a_permission_on_a_later_page_is_not_missed():
    clients = SimpleNamespace(arm=lambda _subscription: Paged("first/read", "second/write"))
    seen = Ahead(clients).answers(asked(scopes=(GROUP,)))
    ((scope, allowed),) = seen.permissions
    assert scope == GROUP
    assert allowed == (Allowed(("first/read",), (), (), ()), Allowed(("second/write",), (), (), ()))


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": "all"}, {"value": []}])
def test_a_list_that_names_no_permissions_is_unknown_they_are_not_missing(monkeypatch, body):
    monkeypatch.setattr(Paged, "_send", lambda *_, **__: body)
    seen = Ahead(SimpleNamespace(arm=lambda _subscription: Paged())).answers(asked(scopes=(GROUP,)))
    ((_, held),) = seen.permissions
    assert isinstance(held, Unknown)


def test_a_denial_by_no_policy_is_unknown():
    said = {"contentEvaluationResult": {"policyEvaluations": [{"evaluationResult": "NonCompliant"}]}}
    arm = SimpleNamespace(post=lambda *_, **__: said)
    clients = SimpleNamespace(acquires_policy_tokens=False, arm=lambda _subscription: arm)
    seen = Ahead(clients).answers(asked(resources=(NewResource("vault", GROUP, {}),)))
    (denial,) = seen.denials
    assert isinstance(denial, Unknown)


def test_what_was_expected_is_not_asked_again():
    sent = []

    class Counting(Paged):
        def _send(self, method, url, *arguments, **options):
            sent.append(url)
            return super()._send(method, url, *arguments, **options)

    ahead = Ahead(SimpleNamespace(arm=lambda _subscription: Counting("first/read")))
    ahead.begin(asked(scopes=(GROUP, Scope("/subscriptions/other"))))
    seen = ahead.answers(asked(scopes=(GROUP,)))
    assert [scope for scope, _ in seen.permissions] == [GROUP]
    assert sum("resourceGroups" in url for url in sent) == 1
