"""The only folder that talks to Azure. Takes and gives the dataclasses of `model`."""
