"""Errors of the template language."""

from __future__ import annotations

FUNCTIONS = "Please see https://aka.ms/arm-functions for usage details."


class TemplateError(Exception):
    """An error in an expression or another part of a template. The caller adds the location."""


class SyntaxTemplateError(TemplateError):
    """An expression that can't be parsed."""
