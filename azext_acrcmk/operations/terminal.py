"""Asks a person at a terminal: lists with numbers, that can be searched by typing, and texts.

All is written to stderr, since stdout has the result. Lines are read as the terminal gives them, so that Ctrl-C, Ctrl-D
and editing work as everywhere.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import IO

from azext_acrcmk.plan.wizard import Answer, Choice, Question, no_problem

# So many entries of a list are shown at once.
MOST_SHOWN = 20
# In place of a number: the question before, and the whole list again.
BACK, ALL = "<", "*"
_WIDTH = 80
_INDENT = "      "


class Terminal:
    """Reads lines from `given` and writes to `shown`."""

    def __init__(self, given: IO[str], shown: IO[str]):
        self._given, self._shown = given, shown

    @classmethod
    def of_process(cls) -> Terminal | None:
        """The terminal of this process; None without one for the answers and the questions."""
        streams = (sys.stdin, sys.stderr)
        try:
            return cls(*streams) if all(each.isatty() for each in streams) else None
        except (AttributeError, ValueError):
            return None

    def say(self, text: str = "") -> None:
        """Writes lines, none of which can move the cursor or change a color."""
        self._shown.write("".join(f"{printable(line)}\n" for line in text.split("\n")))
        self._shown.flush()

    def tell(self, text: str, indent: str = "") -> None:
        """Writes a text in lines that fit into the terminal as it is now."""
        width = max(self._width() - 1, len(indent) + 20)
        for line in text.split("\n"):
            wrapped = textwrap.wrap(
                printable(line),
                width,
                initial_indent=indent,
                subsequent_indent=indent,
                break_on_hyphens=False,
                break_long_words=False,
            )
            self.say("\n".join(wrapped))

    def ask(self, question: Question, check: Callable[[str], str | None] = no_problem) -> Answer | None:
        """The answer; None for the question before. `check` says why a text that is well formed can't be taken.

        Raises EOFError at the end of the input.
        """
        self.say(f"\n{question.title}")
        if question.note:
            self.tell(question.note)
        if not question.choices:
            return self._ask_text(question, question.prompt, question.default, check)
        return self._ask_choice(question, check)

    def confirm(self, text: str) -> bool:
        """Whether the answer is yes; Enter is no."""
        return self._line(f"{text} (y/N): ").lower() in ("y", "yes")

    def _ask_text(
        self, question: Question, prompt: str, default: str | None, check: Callable[[str], str | None]
    ) -> Answer | None:
        shown = f" [{default}]" if default else ""
        while True:
            text = self._line(f"{prompt}{shown}: ") or default or ""
            if text == BACK:
                return None
            problem = question.problem(text) or check(text)
            if problem is None:
                return Answer(question.typed(text))
            self.tell(problem)

    def _ask_choice(self, question: Question, check: Callable[[str], str | None]) -> Answer | None:
        menu, default = Menu(question.choices), question.default
        self._list(menu, question.choices, default)
        while True:
            preset = f" [{menu.number(default)}]" if default else ""
            text = self._line(f"Number, or text to search for{preset}: ")
            if text == BACK:
                return None
            read = menu.read(text, default)
            if isinstance(read, str):
                self.tell(read)
            elif isinstance(read, tuple):
                first = next((each for each in read if not each.blocked), None)
                default = question.default if text == ALL else first
                self._list(menu, read, default)
            elif not read.asks:
                return Answer(read.gives, read.means)
            elif answer := self._ask_text(question, read.asks, None, check):
                return answer

    def _list(self, menu: Menu, found: tuple[Choice, ...], default: Choice | None) -> None:
        width = max((len(each.label) for each in found[:MOST_SHOWN]), default=0)
        for each in found[:MOST_SHOWN]:
            mark = "*" if each is default else " "
            number = menu.number(each) or "-"
            line = f"{mark}{number:>3}  {each.label:{width}}  {each.detail}".rstrip()
            self.say(_cut(printable(line), self._width() - 1))
            for remark in each.remarks:
                self.tell(("Can't be chosen: " if each.blocked else "") + remark, _INDENT)
        if len(found) > MOST_SHOWN:
            self.tell(f"{len(found) - MOST_SHOWN} more: type a part of the name to search, {ALL} to start again.")

    def _line(self, prompt: str) -> str:
        self._shown.write(prompt)
        self._shown.flush()
        try:
            line = self._given.readline()
        except UnicodeDecodeError:
            return "\0"  # nothing is called so
        if not line:
            raise EOFError
        return line.strip()

    def _width(self) -> int:
        """As the terminal is now: it may have been resized."""
        try:
            return os.get_terminal_size(self._shown.fileno()).columns or _WIDTH
        except (AttributeError, OSError, ValueError):
            return shutil.get_terminal_size((_WIDTH, 0)).columns


class Menu:
    """A list of choices. Those that can be chosen have numbers, which a search does not change."""

    def __init__(self, choices: tuple[Choice, ...]):
        self._choices = choices
        self._numbered = [each for each in choices if not each.blocked]

    def number(self, choice: Choice) -> int | None:
        return next((number for number, each in enumerate(self._numbered, 1) if each is choice), None)

    def read(self, text: str, default: Choice | None) -> Choice | tuple[Choice, ...] | str:
        """What was typed: a choice, or the choices to show next, or why it is neither."""
        if not text:
            return default or "Type a number."
        if text == ALL:
            return self._choices
        if text.isdecimal() and 1 <= int(text) <= len(self._numbered):
            return self._numbered[int(text) - 1]
        wanted = text.casefold()
        named = [each for each in self._choices if each.label.casefold() == wanted]
        if len(named) == 1 and not named[0].blocked:
            return named[0]
        found = tuple(each for each in self._choices if wanted in f"{each.label}  {each.detail}".casefold())
        return found or f"No entry matches '{text}'."


def printable(text: str) -> str:
    """A text without what a terminal takes as an instruction, or shows as nothing."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)].rstrip() + "..."
