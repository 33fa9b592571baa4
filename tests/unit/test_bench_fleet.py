"""What is measured of a fleet stands in a section of its own, which leaves the others as they are."""

import re

from benchmarks.fleet import FleetResult, Looked, Looped
from benchmarks.fleet_report import HEADING, fleet_section, with_fleet
from benchmarks.measure import Run


def run(seconds: float, processor: float, memory: int = 90 * 2**20) -> Run:
    return Run("", "", seconds, processor, memory)


def looked(size: int, seconds: float, processor: float) -> Looked:
    return Looked(size, run(seconds, processor), run(1.0, 1.0), 0.5, 1.5, 300, True)


RESULT = FleetResult(
    [looked(100, 2.0, 1.1), looked(1000, 2.6, 2.0), looked(10_000, 30.0, 31.0)],
    [Looped("acr encryption show", 100.0, 90.0, 101)],
)


def rows(text: str) -> dict[str, str]:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {f"{line[0]}: {line[1]}": line[-1] for line in lines}


def test_aims_are_met_or_not():
    found = rows(fleet_section("Here.", RESULT))
    assert found["100 registries: at most 1.3 times the limit"] == "yes"
    assert found["1,000 registries: under 2.5 ms of processor time each"] == "yes"
    assert found["10,000 registries: at most 1.3 times the limit"] == "no"
    assert found["10,000 registries: under 2.5 ms of processor time each"] == "no"
    assert found["10,000 registries: under 250 MB"] == "yes"
    assert next(value for name, value in found.items() if "linear" in name) == "no"
    assert found["100 registries: faster than a loop of `az acr encryption show`"] == "yes"


def test_the_other_sections_stay():
    others = "# Results\n\nFirst.\n\n## Aims\n\nSome.\n\n## Start\n\nMore.\n"
    once = with_fleet(others, fleet_section("Here.", RESULT))
    assert once.startswith(others)
    twice = with_fleet(once, fleet_section("There.", RESULT))
    assert len(re.findall(f"^{HEADING}$", twice, re.MULTILINE)) == 1
    assert "There." in twice
    assert "Here." not in twice
    between = with_fleet(f"# Results\n\n{HEADING}\n\nOld.\n\n## Start\n\nMore.\n", "")
    assert between == "# Results\n\n## Start\n\nMore.\n"
