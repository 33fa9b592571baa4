"""What can be wrong in the language of templates."""

from __future__ import annotations

FUNCTIONS = "Please see https://aka.ms/arm-functions for usage details."


class TemplateError(Exception):
    """What is wrong with an expression, or with a part of a template. Where that is, those say who know it."""


class SyntaxTemplateError(TemplateError):
    """An expression that can't even be parsed."""
