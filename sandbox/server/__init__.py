"""The web around the world: TLS server, CONNECT proxy, certificates, environment, faults and request log."""
