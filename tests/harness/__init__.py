"""What tests run on, and no test: the real `az`, an Azure to talk to, what is in it, and values."""
