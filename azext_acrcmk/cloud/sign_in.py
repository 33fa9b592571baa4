"""The CLI's login as the credential of all clients of one command."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from azure.core.exceptions import ClientAuthenticationError
from knack.log import get_logger

from azext_acrcmk.cloud.waiting import done, in_thread

logger = get_logger(__name__)

# The maximum time to get a token, in seconds, as in the SDKs for other responses. The CLI itself waits forever.
TOKEN_TIMEOUT = 300
# The pauses before a sign-in that failed in Microsoft Entra (5xx, too many) is tried again, in seconds. MSAL repeats
# such an answer for 5 seconds without asking, or as long as its Retry-After says.
PAUSES = (6, 12)
# "The server is temporarily too busy" (learn.microsoft.com, error codes of the token endpoint). MSAL returns it.
_BUSY = "temporarily_unavailable"


class SignInFailed(ClientAuthenticationError):
    """The login has expired or is rejected, so there is no token. `advice` is the CLI's, on how to log in again.

    The status is 401, or 0 without a response.
    """

    def __init__(self, message: str, status: int = 401, advice: tuple[str, ...] = ()):
        super().__init__(message)
        self.status_code = status
        self.advice = advice


class SignIn:
    """The credential of one account, used by one thread at a time: the first of many requests gets the token, the
    others reuse it. Endpoints of managed identities even reject parallel requests.

    Failures are raised as SDKs expect from a credential: SignInFailed, or ServiceRequestError, after which they
    retry. The CLI's own credential raises its errors, and those of `msal` and `requests`, through the SDKs.
    """

    def __init__(self, make: Callable[[], Any]):
        """`make` returns the CLI's credential; that can also send requests."""
        self._make = make
        self._credential: Any = None
        self._lock = threading.Lock()
        self._silent = False
        # What there was no token for in spite of the pauses: those who ask again don't wait for them again.
        self._failed: set[tuple[str, ...]] = set()

    def get_token(self, *scopes: str, **options: Any) -> Any:
        from azure.core.exceptions import ServiceRequestError
        from knack.util import CLIError
        from msal.exceptions import MsalError

        with self._lock:
            try:
                return self._within_time(partial(self._get_token, *scopes, **options))
            except CLIError as error:
                if _is_passing(error):
                    raise ServiceRequestError(f"The sign-in failed: {error}", error=error) from error
                advice = tuple(getattr(error, "recommendations", None) or ())
                raise SignInFailed(str(error), advice=advice) from error
            except (OSError, MsalError) as error:
                raise ServiceRequestError(f"The sign-in failed: {error}", error=error) from error
            except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
                said = f"Unexpected response to the sign-in: {type(error).__name__}: {error}"
                raise SignInFailed(said[:300]) from error

    def _get_token(self, *scopes: str, **options: Any) -> Any:
        for pause in () if scopes in self._failed else PAUSES:
            try:
                return self._ask(*scopes, **options)
            except Exception as error:
                if not _is_passing(error):
                    raise
                logger.debug("The sign-in failed, and is tried again in %s seconds: %s", pause, error)
            time.sleep(pause)
        self._failed.add(scopes)
        token = self._ask(*scopes, **options)
        self._failed.remove(scopes)
        return token

    def _ask(self, *scopes: str, **options: Any) -> Any:
        self._credential = self._credential or self._make()
        return self._credential.get_token(*scopes, **options)

    def _within_time(self, get: Callable[[], Any]) -> Any:
        """In a separate thread, which can wait longer than we do."""
        if not self._silent and done(token := in_thread(get), TOKEN_TIMEOUT):
            return token.result()
        self._silent = True
        raise SignInFailed(f"There was no response to the sign-in within {TOKEN_TIMEOUT} seconds.", status=0)


def _is_passing(error: Exception) -> bool:
    """Whether Microsoft Entra failed, or is too busy."""
    from msal.exceptions import MsalServiceError
    from requests import HTTPError

    said = getattr(error, "msal_error", None)
    busy = isinstance(said, dict) and said.get("error") == _BUSY
    return busy or isinstance(error, (HTTPError, MsalServiceError))
