"""Help texts and examples."""

from knack.help_files import helps

helps["acr cmk"] = """
type: group
short-summary: Manage encryption of container registries with customer-managed keys.
"""

helps["acr cmk enable"] = """
type: command
short-summary: Create a container registry encrypted with a customer-managed key, and all the resources it requires.
long-summary: >
    Creates or reuses the resource group, the user-assigned identity, the key vault with purge protection, the key, the
    access to the key and the Premium registry, and verifies that the registry is encrypted. If the command fails, run it
    again: it continues where it stopped. If everything is in place, it changes nothing. Encryption with a
    customer-managed key can be enabled only when a registry is created, and can't be disabled later. Purge protection of
    a vault can't be disabled either; the command prompts for confirmation before it enables purge protection on an
    existing vault.
examples:
    - name: Create an encrypted registry and all the resources it requires in a new resource group.
      text: az acr cmk enable --name myregistry --resource-group mygroup --location westeurope
    - name: Preview the changes without making them.
      text: az acr cmk enable --name myregistry --resource-group mygroup --what-if --output table
    - name: Use a key vault in another subscription and an existing identity.
      text: >
          az acr cmk enable --name myregistry --resource-group mygroup --identity myidentity --key-vault
          /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/myvault
    - name: Use an existing key in a key vault or managed HSM. If the URI has no version, the registry uses new versions of the key automatically.
      text: az acr cmk enable --name myregistry --resource-group mygroup --key-encryption-key https://myvault.vault.azure.net/keys/mykey
    - name: Create a key that Key Vault rotates every 90 days and whose versions expire after two years.
      text: az acr cmk enable --name myregistry --resource-group mygroup --rotation-period 90d --key-lifetime 2y
    - name: Create a 3072-bit HSM-protected key in a key vault that allows network access only to trusted services.
      text: az acr cmk enable --name myregistry --resource-group mygroup --key-type RSA-HSM --key-size 3072 --restrict-vault-network
    - name: Do not grant access to the key; verify that the identity already has it.
      text: az acr cmk enable --name myregistry --resource-group mygroup --identity myidentity --key-vault myvault --skip-grant
"""

helps["acr cmk migrate"] = """
type: command
short-summary: Copy a registry to a new one that is encrypted with a customer-managed key.
long-summary: An existing registry can't be encrypted with a customer-managed key, so Azure imports its content and settings into a new registry, which is created if it does not exist. Then the content of both registries is compared; the exit code is 1 if it differs. The old registry is changed only by --freeze and --unfreeze. Run the command again to continue after an interruption, or to copy what is new.
examples:
    - name: Preview what would be copied, what blocks the migration, and how long it may take.
      text: az acr cmk migrate --name oldregistry --to newregistry --what-if
    - name: Copy a registry to a new one in the same resource group and location.
      text: az acr cmk migrate --name oldregistry --to newregistry
    - name: Copy only some repositories.
      text: az acr cmk migrate --name oldregistry --to newregistry --repository "app/*" tools
"""

helps["acr cmk template"] = """
type: command
short-summary: Write the plan of `az acr cmk enable` as a template or script, for others to deploy.
long-summary: >
    Accepts the options of `enable`, reads the existing resources, and changes nothing. The template references existing
    resources by ID and does not change them; a soft-deleted vault is recovered. With format arm, the template is also
    the result of the command. Without other options, a registry that is already encrypted is exported. The command for
    the deployment is shown on standard error. The template can be deployed repeatedly.
examples:
    - name: Write a Resource Manager template.
      text: az acr cmk template --name myregistry --resource-group mygroup --file azuredeploy.json
    - name: Write a shell script for a registry that is pinned to the current version of an existing key.
      text: az acr cmk template --name myregistry --resource-group mygroup --key-vault myvault --key mykey --rotation manual --format sh --file registry.sh
    - name: Export an encrypted registry.
      text: az acr cmk template --name myregistry --file azuredeploy.json
"""

helps["acr cmk wizard"] = """
type: command
short-summary: Create a container registry encrypted with a customer-managed key by answering questions at a terminal.
long-summary: >
    Asks for everything that no option specifies: the name of the registry, whose availability is checked immediately,
    and its resource group, location, identity, key vault, key, rotation and network. Each list starts with a new
    resource, with the name that `az acr cmk enable` would use, followed by the existing resources and any problems with
    them. Resources that can't be used are listed but can't be chosen. Then the command shows the changes, what is
    irreversible, and the equivalent `az acr cmk enable` command, and lets you create the registry, save a template, or
    leave. Nothing is changed before that. Requires a terminal. The questions are written to standard error and only the
    result to standard output, which can be redirected.
examples:
    - name: Answer all questions.
      text: az acr cmk wizard
    - name: Answer the questions that the options leave open.
      text: az acr cmk wizard --name myregistry --resource-group mygroup --rotation auto
"""

helps["acr cmk rotate"] = """
type: command
short-summary: Change a registry to a new version of its key, to another key, or to another identity.
long-summary: >
    By default, creates a new version of the current key (this requires permission to rotate keys in the vault) and makes
    the registry use it immediately. If the key already has a newer version than the registry uses, no other version is
    created. A new identity is assigned to the registry and granted access to the key before the registry uses it.
    The access of the old identity and the old key version are kept unless you choose to remove or disable them, which
    is done only after the registry is confirmed to use the new ones. Images can be pulled throughout the rotation.
examples:
    - name: Create a new version of the key and make the registry use it.
      text: az acr cmk rotate --name myregistry
    - name: Make the registry use the latest existing version of its key now, and new versions automatically.
      text: az acr cmk rotate --name myregistry --no-new-version --rotation auto
    - name: Change to another key and remove access to the old one.
      text: az acr cmk rotate --name myregistry --key-encryption-key https://myvault.vault.azure.net/keys/other --revoke-old
    - name: Change to a key in a key vault behind a firewall, through the system-assigned identity of the registry.
      text: az acr cmk rotate --name myregistry --key-vault lockedvault --key mykey --identity "[system]"
    - name: Start a rotation without waiting for it to finish.
      text: az acr cmk rotate --name myregistry --no-wait
"""

helps["acr cmk repair"] = """
type: command
short-summary: Fix the problems that `az acr cmk check` finds.
long-summary: >
    Assigns the missing identity to the registry, grants it access to the key, recovers a deleted vault or key, enables
    the key version in use, allows trusted services through the firewall of the vault, enables purge protection, changes
    to a recreated identity, and makes the registry read its key again. Prompts for confirmation before changes that are
    irreversible or that widen access. Problems it can't fix are listed with manual steps. Finally, checks the registry
    again; the exit code is 1 if an error remains.
examples:
    - name: Preview the fixes, and list the problems that can't be fixed.
      text: az acr cmk repair --name myregistry --what-if --output table
    - name: Fix the problems without prompting for confirmation.
      text: az acr cmk repair --name myregistry --yes
"""

helps["acr cmk revoke"] = """
type: command
short-summary: Revoke a registry's access to its key. All pulls and pushes will fail until you run `az acr cmk restore`.
long-summary: >
    Removes the access of the registry's identity to the key, or disables the key version in use. Before that, it lists
    what will stop working, including other registries and resources that you can read and that use the same key or
    identity, and prompts for confirmation. Uses of the key by anything other than registries can't be detected. A key
    is never deleted. What was revoked is recorded in Azure, so that `az acr cmk restore` can undo exactly that from any
    machine. Azure can take up to 10 minutes to apply the removal of a role.
examples:
    - name: Preview the revocation, and list what else it affects.
      text: az acr cmk revoke --name myregistry --what-if --output table
    - name: Remove the access of the registry's identity to the key.
      text: az acr cmk revoke --name myregistry
    - name: Disable the key version in use without prompting for confirmation.
      text: az acr cmk revoke --name myregistry --by key --yes
"""

helps["acr cmk restore"] = """
type: command
short-summary: Undo `az acr cmk revoke`.
long-summary: >
    Restores the access that `revoke` removed, and enables the key version that it disabled. A key version that was
    disabled in another way stays disabled, and what was revoked for another vault, key or identity is not restored.
    Fails if the access can't be verified, if the identity no longer exists, or if the key version stays disabled.
examples:
    - name: Restore a registry's access to its key.
      text: az acr cmk restore --name myregistry
"""

helps["acr cmk wait"] = """
type: command
short-summary: Wait until an operation on a registry finishes or a condition is met.
examples:
    - name: Wait for a rotation that was started with --no-wait.
      text: az acr cmk wait --name myregistry --updated
"""

helps["acr cmk check"] = """
type: command
short-summary: Check everything that a registry's encryption depends on, and fail if there is a problem.
long-summary: >
    Returns the registry, code, severity (error, warning or info), status (failed, passed or unknown), subject and
    message of each check, and a command that fixes the problem. If you don't have permission to read something, the
    status is unknown and the message names the required permission. The exit code is 1 if a check of severity error
    failed.
examples:
    - name: Check a registry.
      text: az acr cmk check --name myregistry --output table
    - name: Check all registries of a resource group in a pipeline, and fail also on warnings and unknown checks.
      text: az acr cmk check --ids $(az acr list --resource-group mygroup --query "[].id" --output tsv) --fail-on warning
    - name: List the problems of a registry without failing.
      text: az acr cmk check --name myregistry --fail-on none --query "[?status!='passed']"
"""

helps["acr cmk show"] = """
type: command
short-summary: Show the encryption of a registry, and whether its key works through its identity now.
long-summary: >
    Reads the registry, its identity, the key and the version in use, the vault, and the access to the key. `health` is
    healthy, attention, broken, unknown (something that determines the health can't be read) or notEncrypted. `findings`
    are the problems, with the commands that fix them. What you don't have permission to read is null, and a finding
    names the required permission.
examples:
    - name: Show the encryption of a registry.
      text: az acr cmk show --name myregistry --output table
    - name: Print only the health, for use in a script.
      text: az acr cmk show --name myregistry --resource-group mygroup --query health --output tsv
    - name: Show the encryption of all registries of a resource group.
      text: az acr cmk show --ids $(az acr list --resource-group mygroup --query "[].id" --output tsv)
"""

helps["acr cmk list"] = """
type: command
short-summary: List registries, and whether their keys work, across subscriptions.
long-summary: >
    Finds the registries with Azure Resource Graph and applies the same checks as `az acr cmk check`. A problem is read
    again directly from Azure before it is reported, since Resource Graph can be out of date. The result has `counts` by
    health, `registries` with their findings, and `fleetFindings`: keys and vaults that several registries use, keys that
    expire soon, and vaults in another region. If anything could not be read, `partial` is true and `notSeen` says what
    and why. Ctrl-C ends the command with what has been read so far.
examples:
    - name: List the registries of the current subscription, the worst first.
      text: az acr cmk list --output table
    - name: List the broken registries in all subscriptions that you can read.
      text: az acr cmk list --all --health broken --output table
    - name: Fail in a pipeline if a registry of a management group has an error, or if not everything could be read.
      text: az acr cmk list --management-groups platform --fail-on error
    - name: List quickly, without reading the keys.
      text: az acr cmk list --subscriptions 00000000-0000-0000-0000-000000000000 --depth registry
"""
