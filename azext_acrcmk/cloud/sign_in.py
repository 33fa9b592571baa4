"""The CLI's login as the credential of all clients of one command."""

from __future__ import annotations

import threading
from typing import Any

from azure.core.exceptions import ClientAuthenticationError


class SignInFailed(ClientAuthenticationError):
    """The login gives no token: it has expired, or is refused. `advice` is the CLI's, how to log in again."""

    def __init__(self, message: str, advice: tuple[str, ...] = ()):
        super().__init__(message)
        self.status_code = 401
        self.advice = advice


class SignIn:
    """The credential of one account, asked by one thread at a time: the first of many requests fetches the token, the
    others get that. An endpoint of managed identities even refuses to be asked by many at once.

    What fails is raised as SDKs expect of a credential: SignInFailed, or ServiceRequestError, after which they try
    again, where no answer came. The CLI's own raises its errors and those of `requests` through them.
    """

    def __init__(self, credential: Any):
        self._credential = credential
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **options: Any) -> Any:
        from azure.core.exceptions import ServiceRequestError
        from knack.util import CLIError

        with self._lock:
            try:
                return self._credential.get_token(*scopes, **options)
            except CLIError as error:
                advice = tuple(getattr(error, "recommendations", None) or ())
                raise SignInFailed(str(error), advice) from error
            except OSError as error:
                raise ServiceRequestError(f"The sign-in did not answer: {error}", error=error) from error
