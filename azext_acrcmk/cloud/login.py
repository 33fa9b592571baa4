"""The CLI's login and cloud."""

from __future__ import annotations

from dataclasses import dataclass

from azext_acrcmk.model.ids import Id


@dataclass(frozen=True)
class Login:
    """`tenant` is the home tenant of the command's subscription, where its vaults and identities are: with Azure
    Lighthouse another than the login's. `subscriptions` are those of that tenant that the CLI knows, the command's own
    first, and `tenants` the home tenants of all that it knows, by subscription. `delegated`: through Lighthouse."""

    tenant: Id
    subscriptions: tuple[Id, ...]
    vault_suffix: str
    tenants: tuple[tuple[Id, Id], ...] = ()
    delegated: bool = False

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
    others = [Id(each["id"]) for each in known if _home(each) == tenant and each.get("state") == "Enabled"]
    return Login(
        tenant,
        (own, *(each for each in others if each != own)),
        cli_ctx.cloud.suffixes.keyvault_dns,
        tuple((Id(each["id"]), _home(each)) for each in known),
        account["tenantId"] != tenant,
    )


def _home(account: dict) -> Id:
    # Profiles of older versions of the CLI, and logins without a subscription, do not have it.
    return Id(account.get("homeTenantId") or account["tenantId"])
