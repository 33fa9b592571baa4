"""The command table."""

from azext_acrcmk._format import check_table, enable_table, list_table, migrate_table, repair_table, show_table


def load_command_table(loader, _args):
    with loader.command_group("acr cmk") as group:
        group.custom_command("enable", "enable", table_transformer=enable_table)
        group.custom_command("template", "template")
        group.custom_command("wizard", "wizard", table_transformer=enable_table)
        group.custom_command("check", "check", table_transformer=check_table)
        group.custom_command("list", "list_registries", table_transformer=list_table)
        group.custom_command("rotate", "rotate", table_transformer=enable_table, supports_no_wait=True)
        group.custom_command("migrate", "migrate", table_transformer=migrate_table)
        group.custom_command("repair", "repair", table_transformer=repair_table)
        group.custom_command("revoke", "revoke", table_transformer=enable_table)
        group.custom_command("restore", "restore", table_transformer=enable_table)
        group.custom_wait_command("wait", "registry_for_wait")
        group.custom_show_command("show", "show", table_transformer=show_table)
