"""Microsoft Entra: the directory, tokens, sign-in, and Microsoft Graph."""
