"""Draws what a terminal shows as an SVG: plain text on a dark window, readable on a light page and on a dark one, with
no font, script or file from elsewhere."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH, HEIGHT, SIZE = 8.0, 18, 13  # of a character, of a line, of the font
MARGIN, BAR = 16, 32
BACKGROUND, FRAME, TEXT, DIM = "#161b22", "#30363d", "#e6edf3", "#8b949e"
PROMPT, GOOD, WARN, BAD = "#79c0ff", "#7ee787", "#e3b341", "#ff7b72"
# How a line begins, and its color.
COLORS = (
    ("$ ", PROMPT),
    ("+ ", GOOD),
    ("~ ", WARN),
    ("- ", BAD),
    ("= ", DIM),
    ("WARNING", WARN),
    ("ERROR", BAD),
    ("---", DIM),
)


def terminal_svg(text: str, title: str) -> str:
    """`text` in a terminal's window; `title` is read to people who can't see it."""
    lines = text.splitlines()
    width = round(max(map(len, lines)) * WIDTH + 2 * MARGIN)
    height = BAR + len(lines) * HEIGHT + MARGIN
    dots = "".join(
        f'<circle cx="{MARGIN + 4 + number * 18}" cy="16" r="5" fill="{color}"/>'
        for number, color in enumerate((BAD, WARN, GOOD))
    )
    drawn = "\n".join(_line(number, line) for number, line in enumerate(lines) if line.strip())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" width="{width}">\n'
        f"<title>{escape(title)}</title>\n"
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8" '
        f'fill="{BACKGROUND}" stroke="{FRAME}"/>\n'
        f"{dots}\n"
        f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="{SIZE}" '
        f'xml:space="preserve">\n{drawn}\n</g>\n</svg>\n'
    )


def _line(number: int, line: str) -> str:
    """Its length is set, so that columns stand below each other whatever the font."""
    color = next((color for begin, color in COLORS if line.startswith(begin)), TEXT)
    y = BAR + number * HEIGHT + SIZE
    length = f"{len(line) * WIDTH:g}"
    return (
        f'<text x="{MARGIN}" y="{y}" fill="{color}" textLength="{length}" lengthAdjust="spacingAndGlyphs" '
        f'style="white-space:pre">{escape(line)}</text>'
    )
