"""The CLI's login as the credential of all clients of one command."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from azure.core.exceptions import ClientAuthenticationError

from azext_acrcmk.cloud.waiting import done, in_thread

# How long a token may take, in seconds, as the SDKs wait for any other answer. The CLI's own waits forever.
TOKEN_TIMEOUT = 300


class SignInFailed(ClientAuthenticationError):
    """The login gives no token: it has expired, or is refused. `advice` is the CLI's, how to log in again.

    Status 401, or 0 where no answer came.
    """

    def __init__(self, message: str, status: int = 401, advice: tuple[str, ...] = ()):
        super().__init__(message)
        self.status_code = status
        self.advice = advice


class SignIn:
    """The credential of one account, asked by one thread at a time: the first of many requests fetches the token, the
    others get that. An endpoint of managed identities even refuses to be asked by many at once.

    What fails is raised as SDKs expect of a credential: SignInFailed, or ServiceRequestError, after which they try
    again. The CLI's own raises its errors, and those of `msal` and `requests`, through them.
    """

    def __init__(self, make: Callable[[], Any]):
        """`make` gives the CLI's credential; it, too, may ask Azure."""
        self._make = make
        self._credential: Any = None
        self._lock = threading.Lock()
        self._silent = False

    def get_token(self, *scopes: str, **options: Any) -> Any:
        from azure.core.exceptions import ServiceRequestError
        from knack.util import CLIError
        from msal.exceptions import MsalError

        with self._lock:
            try:
                return self._within_time(partial(self._get_token, *scopes, **options))
            except CLIError as error:
                advice = tuple(getattr(error, "recommendations", None) or ())
                raise SignInFailed(str(error), advice=advice) from error
            except (OSError, MsalError) as error:
                raise ServiceRequestError(f"The sign-in failed: {error}", error=error) from error
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                said = f"The sign-in's answer is not to be understood: {type(error).__name__}: {error}"
                raise SignInFailed(said[:300]) from error

    def _get_token(self, *scopes: str, **options: Any) -> Any:
        self._credential = self._credential or self._make()
        return self._credential.get_token(*scopes, **options)

    def _within_time(self, get: Callable[[], Any]) -> Any:
        """In a thread of its own, which may wait for longer than we do."""
        if not self._silent and done(token := in_thread(get), TOKEN_TIMEOUT):
            return token.result()
        self._silent = True
        raise SignInFailed(f"The sign-in did not answer within {TOKEN_TIMEOUT} seconds.", status=0)
