"""The templates in the repository are those that the product writes now."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_templates_are_current():
    spec = importlib.util.spec_from_file_location("templates", ROOT / "scripts" / "templates.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    files = [path for path in (ROOT / "templates").rglob("*") if path.is_file()]
    there = {path.relative_to(ROOT / "templates").as_posix(): path.read_text(encoding="utf-8") for path in files}
    assert there == script.texts(), "make templates"
