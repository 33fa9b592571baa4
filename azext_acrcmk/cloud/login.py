"""The CLI's login and cloud."""

from __future__ import annotations

from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.value import Value, immutable


@immutable
class Login(Value):
    """`tenant` is the home tenant of the command's subscription, where its vaults and identities are: with Azure
    Lighthouse another than the login's. `subscriptions` are those of that tenant that the CLI knows, the command's own
    first, `elsewhere` those of other tenants, and `tenants` the home tenants of all that it knows, by subscription.
    `delegated`: through Lighthouse. `portal` is the address of the cloud's portal, if it is known."""

    tenant: Id
    subscriptions: tuple[Id, ...]
    vault_suffix: str
    tenants: tuple[tuple[Id, Id], ...] = ()
    delegated: bool = False
    portal: str | None = None
    elsewhere: tuple[Id, ...] = ()

    @property
    def subscription(self) -> Id:
        return self.subscriptions[0]


def login_of(cli_ctx) -> Login:
    """Reads the CLI's profile; makes no request."""
    from azure.cli.core._profile import Profile
    from azure.cli.core.commands.client_factory import get_subscription_id

    own = Id(get_subscription_id(cli_ctx))
    profile = Profile(cli_ctx=cli_ctx)
    account = profile.get_subscription(subscription=own)
    tenant = _home(account)
    known = profile.load_cached_subscriptions()
    enabled = [each for each in known if each.get("state") == "Enabled"]
    others = [Id(each["id"]) for each in enabled if _home(each) == tenant]
    return Login(
        tenant,
        (own, *(each for each in others if each != own)),
        cli_ctx.cloud.suffixes.keyvault_dns,
        tuple((Id(each["id"]), _home(each)) for each in known),
        account["tenantId"] != tenant,
        _portal(cli_ctx.cloud),
        tuple(Id(each["id"]) for each in enabled if _home(each) != tenant),
    )


# For versions of the CLI that do not know it.
_PORTALS = {
    "AzureCloud": "https://portal.azure.com",
    "AzureChinaCloud": "https://portal.azure.cn",
    "AzureUSGovernment": "https://portal.azure.us",
}


def _portal(cloud) -> str | None:
    # Not by attribute: that raises an error for what a custom cloud doesn't define.
    known = vars(cloud.endpoints).get("portal") or _PORTALS.get(cloud.name)
    return known.rstrip("/") if known else None


def _home(account: dict) -> Id:
    # Profiles of older versions of the CLI, and logins without a subscription, do not have it.
    return Id(account.get("homeTenantId") or account["tenantId"])
