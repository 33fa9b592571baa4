"""The CLI's login and cloud."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Login:
    """`subscriptions` are those of the tenant that the CLI knows, the command's own first."""

    tenant: str
    subscriptions: tuple[str, ...]
    vault_suffix: str

    @property
    def subscription(self) -> str:
        return self.subscriptions[0]


def login_of(cli_ctx) -> Login:
    """Reads the CLI's profile; makes no request."""
    from azure.cli.core._profile import Profile
    from azure.cli.core.commands.client_factory import get_subscription_id

    own = get_subscription_id(cli_ctx)
    profile = Profile(cli_ctx=cli_ctx)
    tenant = profile.get_subscription(subscription=own)["tenantId"]
    known = [each for each in profile.load_cached_subscriptions() if each["tenantId"] == tenant]
    others = [each["id"] for each in known if each["id"] != own and each.get("state") == "Enabled"]
    return Login(tenant, (own, *others), cli_ctx.cloud.suffixes.keyvault_dns)
