"""What a command gives to the CLI beside, or instead of, what its handler returns."""

import pytest
from knack import CLI
from knack.events import EVENT_CLI_SUCCESSFUL_EXECUTE, EVENT_INVOKER_TRANSFORM_RESULT

from azext_acrcmk.operations.session import fail_after_output, give_as_it_is


@pytest.fixture
def cli(tmp_path):
    return CLI(config_dir=str(tmp_path))


def result_of_a_command(cli, returned):
    data = {"result": returned}
    cli.raise_event(EVENT_INVOKER_TRANSFORM_RESULT, event_data=data)
    return data["result"]


def test_a_document_is_the_result_of_its_command_and_of_no_other_in_the_process(cli):
    document = {"registries": []}
    give_as_it_is(cli, document)
    assert result_of_a_command(cli, None) is document
    assert result_of_a_command(cli, "of the next") == "of the next"


def test_a_command_that_fails_after_its_result_fails_no_other_in_the_process(cli):
    fail_after_output(cli)
    with pytest.raises(SystemExit):
        cli.raise_event(EVENT_CLI_SUCCESSFUL_EXECUTE, result=None)
    cli.raise_event(EVENT_CLI_SUCCESSFUL_EXECUTE, result=None)
