"""The servers of the sandbox: TLS server, CONNECT proxy, certificates, environment, faults and request log."""
