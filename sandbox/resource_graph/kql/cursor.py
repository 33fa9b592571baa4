"""A place among the tokens of a query, from which a parser reads on."""

from __future__ import annotations

from typing import NoReturn

from sandbox.resource_graph.kql.errors import parser_failure
from sandbox.resource_graph.kql.lexer import Token, tokens

_TAKEN = (
    "where project extend summarize distinct count limit take order sort top join union parse project-away mv-expand "
    "mvexpand"
)
_REFUSED = (
    "as consume evaluate facet find fork getschema invoke let lookup mv-apply partition print project-keep "
    "project-rename project-reorder range reduce render sample scan search serialize"
)
OPERATORS = frozenset(_TAKEN.split())
REFUSED_OPERATORS = frozenset(_REFUSED.split())  # Kusto has them, Resource Graph does not


class Cursor:
    def __init__(self, query: str):
        self._tokens = tokens(query)
        self._at = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    @property
    def ended(self) -> bool:
        return self.token.kind == "end"

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of these keywords or symbols."""
        return self.token.kind in ("name", "symbol") and self.token.text in texts

    def follows(self, *texts: str) -> bool:
        """Whether these come next, one after the other."""
        coming = self._tokens[self._at : self._at + len(texts)]
        return [token.text for token in coming if token.kind in ("name", "symbol")] == list(texts)

    def take(self, *texts: str) -> bool:
        """Pass these if they come next."""
        if not self.follows(*texts):
            return False
        self._at += len(texts)
        return True

    def need(self, *texts: str) -> None:
        for text in texts:
            if not self.take(text):
                self.fail()

    def next(self, *kinds: str) -> Token:
        """The next token, which has to be of one of these kinds."""
        token = self.token
        if token.kind not in kinds:
            self.fail()
        self._at += 1
        return token

    def name(self) -> str:
        """A name: plain, or in brackets and quotes, as one must be that is an operator's too."""
        if self.take("["):
            name = self.next("string").value
            self.need("]")
            return name
        token = self.next("name")
        if token.text in OPERATORS:
            # The service's parser notices this a token later (recording graph_query_invalid_400).
            self.fail()
        return token.text

    def fail(self) -> NoReturn:
        raise parser_failure(self.token.line, self.token.column, self.token.text)
