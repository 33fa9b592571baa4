"""What is shown at a terminal, and how what is typed is understood."""

from __future__ import annotations

import io

import pytest

from azext_acrcmk.operations.terminal import MOST_SHOWN, Terminal, printable
from azext_acrcmk.plan.wizard import Answer, Choice, Question

ONE, TWO = Choice("one", "first", {"x": 1}), Choice("two", "second", {"x": 2})
BAD = Choice("bad", "third", remarks=("It is closed.",), blocked=True)
OTHER = Choice("another", asks="Name of another")
QUESTION = Question(
    "Thing",
    (ONE, OTHER, TWO, BAD),
    ONE,
    problem=lambda text: "No spaces." if " " in text else None,
    typed=lambda text: {"x": text},
)


def ask(question, *lines, check=lambda _text: None):
    """The answer, and what was shown."""
    shown = io.StringIO()
    terminal = Terminal(io.StringIO("".join(f"{line}\n" for line in lines)), shown)
    return terminal.ask(question, check), shown.getvalue()


@pytest.mark.parametrize(
    ("lines", "gives"),
    [
        ([""], {"x": 1}),
        (["1"], {"x": 1}),
        (["3"], {"x": 2}),
        (["two"], {"x": 2}),
        (["TWO"], {"x": 2}),
        (["sec", ""], {"x": 2}),
        (["sec", "*", ""], {"x": 1}),
        (["nothing", "sec", "3"], {"x": 2}),
        (["4", "0", "-1", "3"], {"x": 2}),
        (["bad", "three", "3"], {"x": 2}),
        (["2", "new"], {"x": "new"}),
        (["2", "no good", "good"], {"x": "good"}),
        (["2", "<", ""], {"x": 1}),
    ],
)
def test_what_is_typed(lines, gives):
    assert ask(QUESTION, *lines)[0] == Answer(gives)


def test_back():
    assert ask(QUESTION, "<")[0] is None
    assert ask(Question("Name"), "<")[0] is None


def test_the_end_of_input_is_no_answer():
    with pytest.raises(EOFError):
        ask(QUESTION)
    with pytest.raises(EOFError):
        ask(QUESTION, "nothing")


def test_the_default_is_marked_and_the_impossible_has_no_number():
    _, shown = ask(QUESTION, "1")
    assert shown.split("\n")[1:-1] == [
        "Thing",
        "*  1  one      first",
        "   2  another",
        "   3  two      second",
        "   -  bad      third",
        "      Can't be chosen: It is closed.",
    ]
    assert shown.endswith("Number, or text to search for [1]: ")


def test_the_impossible_can_not_be_chosen_by_its_name():
    question = Question("Thing", (BAD, ONE))
    answer, shown = ask(question, "bad", "", "1")
    assert answer == Answer({"x": 1})
    assert shown.count("Can't be chosen: It is closed.") == 2
    # No default among what was found.
    assert "Type a number." in shown


def test_numbers_stay_when_a_list_is_searched():
    choices = tuple(Choice(f"name{number}", gives={"n": number}) for number in range(200))
    answer, shown = ask(Question("Many", choices), "ame19", "192")
    assert answer == Answer({"n": 191})
    assert f"{200 - MOST_SHOWN} more: type a part of the name to search" in shown
    assert "192  name191" in shown
    assert "name50" not in shown


def test_a_text_with_a_default_and_checks():
    question = Question("Name", default="old", problem=lambda text: "Too short." if len(text) < 3 else None)
    answer, shown = ask(question, "a", "taken", "free", check=lambda text: "Taken." if text == "taken" else None)
    assert answer == Answer({"text": "free"})
    assert "Name [old]: Too short.\n" in shown
    assert "Taken.\n" in shown
    assert ask(question, "")[0] == Answer({"text": "old"})


def test_a_note_and_a_hostile_name_are_shown_without_control_characters():
    evil = Choice("\x1b[2Jx\u202e\u200b\n", "\x07", remarks=("a\x1b]0;t\x07b",), gives={"x": 9})
    answer, shown = ask(Question("\x9bThing", (evil,), note="n\x1b[31m"), "1")
    assert answer == Answer({"x": 9})
    assert not [each for each in shown if not each.isprintable() and each != "\n"]
    assert printable("a\u00e9\u4e2d b") == "a\u00e9\u4e2d b"


def test_long_texts_fit_into_the_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    wide = Choice("n" * 30, "d" * 30, remarks=("word " * 20,))
    _, shown = ask(Question("Wide", (wide,), wide), "")
    lines = shown.split("\n")[2:-1]
    assert all(len(line) < 40 for line in lines)
    assert lines[0].endswith("...")


@pytest.mark.parametrize(("typed", "yes"), [("y", True), ("Yes", True), ("", False), ("n", False), ("yep", False)])
def test_only_yes_is_yes(typed, yes):
    assert Terminal(io.StringIO(f"{typed}\n"), io.StringIO()).confirm("Sure?") is yes


def test_bytes_that_are_no_text_are_nothing():
    class Broken(io.StringIO):
        def readline(self, *_):
            if self.tell() == 0:
                self.seek(1)
                raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
            return "one\n"

    shown = io.StringIO()
    assert Terminal(Broken(" "), shown).ask(QUESTION) == Answer({"x": 1})
    assert "No entry matches '?'." in shown.getvalue()
