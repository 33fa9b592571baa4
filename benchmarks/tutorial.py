"""Microsoft's tutorial as core `az` commands for one registry, with which `az acr cmk enable` is compared."""

from __future__ import annotations


def commands(number: int, model: str) -> list[str]:
    """The commands in order; `{name}` stands for what an earlier one printed and was noted under that name.

    A command that begins with `name=` notes its output.
    """
    group, registry, vault = f"tutorial{number}", f"tutorialregistry{number}", f"tutorial-vault-{number}"
    rbac = model == "rbac"
    grant = (
        'role assignment create --role "Key Vault Crypto Service Encryption User" --assignee-object-id {principal} '
        "--assignee-principal-type ServicePrincipal --scope {vault}"
        if rbac
        else f"keyvault set-policy -g {group} -n {vault} --object-id {{principal}} "
        "--key-permissions get unwrapKey wrapKey"
    )
    # With Azure RBAC, the creator of a vault can't create keys in it without this.
    own = 'role assignment create --role "Key Vault Crypto Officer" --assignee-object-id {me} ' + (
        "--assignee-principal-type ServicePrincipal --scope {vault}"
    )
    return [
        f"group create -n {group} -l westeurope",
        f"identity create -g {group} -n identity",
        f"identity=identity show -g {group} -n identity --query id -o tsv",
        f"principal=identity show -g {group} -n identity --query principalId -o tsv",
        f"keyvault create -g {group} -n {vault} --enable-purge-protection"
        + ("" if rbac else " --enable-rbac-authorization false"),
        f"vault=keyvault show -g {group} -n {vault} --query id -o tsv",
        grant,
        *([own] if rbac else []),
        f"keyvault key create --vault-name {vault} -n key",
        f"key=keyvault key show --vault-name {vault} -n key --query key.kid -o tsv",
        f"acr create -g {group} -n {registry} --sku Premium --identity {{identity}} --key-encryption-key {{key}}",
        f"acr encryption show -n {registry}",
    ]
