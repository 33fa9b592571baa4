"""What is asked of Azure before a plan is carried out."""

from __future__ import annotations

from types import SimpleNamespace

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.preflight import look_ahead
from azext_acrcmk.model.ids import Scope
from azext_acrcmk.model.preflight import Allowed, Questions

GROUP = Scope("/subscriptions/s/resourceGroups/rg")


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
    seen = look_ahead(clients, Questions(providers=(), scopes=(GROUP,), resources=(), new_vault=None, quota_of=None))
    ((scope, allowed),) = seen.permissions
    assert scope == GROUP
    assert allowed == (Allowed(("first/read",), (), (), ()), Allowed(("second/write",), (), (), ()))
