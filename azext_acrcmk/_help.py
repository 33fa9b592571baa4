"""Help texts and examples."""

from knack.help_files import helps

helps["acr cmk"] = """
type: group
short-summary: Encrypt container registries with customer-managed keys, and see whether the keys work.
"""

helps["acr cmk enable"] = """
type: command
short-summary: Create a container registry encrypted with a customer-managed key, and all that it takes.
long-summary: >
    Creates or reuses the resource group, the user-assigned identity, the key vault with purge protection, the key, the
    grant and the Premium registry, and ends when the registry reads back as encrypted. Run it again after any failure:
    it goes on from where it stopped, and changes nothing when all is done. Encryption with a customer-managed key can
    be turned on only while a registry is being created, and never off again. Purge protection of a vault can't be
    turned off either; on a vault that exists you are asked before it is turned on.
examples:
    - name: Create an encrypted registry and everything it takes, in a new resource group.
      text: az acr cmk enable --name myregistry --resource-group mygroup --location westeurope
    - name: See what would be done, and change nothing.
      text: az acr cmk enable --name myregistry --resource-group mygroup --what-if --output table
    - name: Use a vault in another subscription and an identity that exists.
      text: >
          az acr cmk enable --name myregistry --resource-group mygroup --identity myidentity --key-vault
          /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/myvault
    - name: Use an existing key of a vault or managed HSM. Without a version in its URI the registry follows new versions.
      text: az acr cmk enable --name myregistry --resource-group mygroup --key-encryption-key https://myvault.vault.azure.net/keys/mykey
    - name: Create a key that Key Vault rotates every 90 days, with versions that are valid for two years.
      text: az acr cmk enable --name myregistry --resource-group mygroup --rotation-period 90d --key-lifetime 2y
    - name: Create a 3072 bit key in an HSM, in a vault that denies network access except to trusted services.
      text: az acr cmk enable --name myregistry --resource-group mygroup --key-type RSA-HSM --key-size 3072 --restrict-vault-network
    - name: Leave granting to others and verify that it was done.
      text: az acr cmk enable --name myregistry --resource-group mygroup --identity myidentity --key-vault myvault --skip-grant
"""

helps["acr cmk rotate"] = """
type: command
short-summary: Bring a registry to a new version of its key, to another key, or to another identity.
long-summary: >
    Without options a new version of the key in use is made, by the vault itself (it takes a right on the vault's keys),
    and the registry is told to take it at once. A version that was made before and isn't in use yet is taken instead of
    making another. A new identity is attached and granted the key before it is used; the old grant and the old version
    stay unless you ask for their removal, which waits until the registry was seen on the new ones. Images can be pulled
    all the time.
examples:
    - name: Make a new version of the key and have the registry use it.
      text: az acr cmk rotate --name myregistry
    - name: Have the registry take the latest version that there is, and follow new ones by itself from now on.
      text: az acr cmk rotate --name myregistry --no-new-version --rotation auto
    - name: Change to another key and remove the grant on the old one.
      text: az acr cmk rotate --name myregistry --key-encryption-key https://myvault.vault.azure.net/keys/other --revoke-old
    - name: Go on with a vault behind a firewall, through the registry's own identity.
      text: az acr cmk rotate --name myregistry --key-vault lockedvault --key mykey --identity [system]
    - name: Start a rotation and wait for it later.
      text: az acr cmk rotate --name myregistry --no-wait
"""

helps["acr cmk repair"] = """
type: command
short-summary: Mend what `az acr cmk check` finds wrong.
long-summary: >
    Attaches the identity again, grants it the key, recovers a deleted vault or key, enables the key version in use, lets
    trusted services past the vault's firewall, turns on purge protection, changes to an identity that was made again, and
    has the registry take its key again. What is irreversible or widens access is asked first. What can't be mended from
    here is told with the way out. Ends by checking again; the exit code is 1 when an error is left.
examples:
    - name: See what would be mended, and what can't be.
      text: az acr cmk repair --name myregistry --what-if --output table
    - name: Mend it without questions.
      text: az acr cmk repair --name myregistry --yes
"""

helps["acr cmk revoke"] = """
type: command
short-summary: Take a registry's key from it, so that it serves no image until `az acr cmk restore`.
long-summary: >
    Removes the grant of the registry's identity, or disables the key's version in use. Before that it says what stops
    working and which other registries and resources it can see use the same key or identity, and asks; what else than
    registries uses a key can't be seen. A key is never deleted. What was taken away is noted in Azure, so `az acr cmk restore` undoes exactly that on any machine. How soon
    the registry notices is up to Azure.
examples:
    - name: See what would be revoked, and whom else it would hit.
      text: az acr cmk revoke --name myregistry --what-if --output table
    - name: Remove the identity's grant on the key.
      text: az acr cmk revoke --name myregistry
    - name: Disable the key's version in use, without a question.
      text: az acr cmk revoke --name myregistry --by key --yes
"""

helps["acr cmk restore"] = """
type: command
short-summary: Undo `az acr cmk revoke`.
long-summary: >
    Makes the grants again that `revoke` removed, and enables the key version that it disabled; a version that somebody
    else disabled is left alone, and so is what was revoked of another vault, key or identity. It fails where the grant
    can't be seen, or the identity is gone.
examples:
    - name: Give a registry its key back.
      text: az acr cmk restore --name myregistry
"""

helps["acr cmk wait"] = """
type: command
short-summary: Wait until an operation on a registry has ended, or a condition holds.
examples:
    - name: Wait for a rotation that was started with --no-wait.
      text: az acr cmk wait --name myregistry --updated
"""

helps["acr cmk check"] = """
type: command
short-summary: Check everything that a registry's encryption depends on, and fail if something is wrong.
long-summary: >
    Returns a row for each check: code, severity (error, warning or info), status (failed, passed or unknown), subject,
    message, and a command that fixes it. What you may not see is unknown, with the permission it takes. The exit code is
    1 when a check of severity error failed.
examples:
    - name: Check a registry.
      text: az acr cmk check --name myregistry --output table
    - name: Check all registries of a resource group in a pipeline; fail on warnings and on what can't be seen, too.
      text: az acr cmk check --ids $(az acr list --resource-group mygroup --query [].id --output tsv) --fail-on warning
    - name: List what is wrong, and don't fail.
      text: az acr cmk check --name myregistry --fail-on none --query "[?status!='passed']"
"""

helps["acr cmk show"] = """
type: command
short-summary: Show the true state of a registry's encryption, and whether its key works now through its identity.
long-summary: >
    Looks at the registry, its identity, the key and the version in use, the vault and the grant. `health` is healthy,
    attention, broken, unknown (something that decides it can't be seen) or notEncrypted. `findings` say what is wrong
    and with which command to mend it. What you may not see is null, and a finding says which permission it takes.
examples:
    - name: Show a registry's encryption.
      text: az acr cmk show --name myregistry --output table
    - name: Print the health alone, for a script.
      text: az acr cmk show --name myregistry --resource-group mygroup --query health --output tsv
    - name: Show the encryption of all registries of a resource group.
      text: az acr cmk show --ids $(az acr list --resource-group mygroup --query [].id --output tsv)
"""
