"""The ratios of all rows as SVG."""
import math
from html import escape

LINE, LEFT, WIDTH = 18, 330, 520
LOW, HIGH = 0.25, 16.0


def at(ratio):
    """Horizontal place on a log axis; beyond its ends, at them."""
    share = math.log(min(max(ratio, LOW), HIGH) / LOW) / math.log(HIGH / LOW)
    return LEFT + share * WIDTH


def text(x, y, content, anchor="start", weight="normal"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(content)}</text>'


def axis(height):
    ratio = LOW
    while ratio <= HIGH:
        x, colour = at(ratio), "#888" if ratio == 1 else "#ddd"
        yield f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{height - 10}" stroke="{colour}"/>'
        yield text(x, 24, f"{ratio:g}", "middle")
        ratio *= 2


def mark(entry, y):
    """Interval, median, and the bar as a tick."""
    low, high = (at(r) for r in entry["ci95"])
    colour = "#0b7a4b" if entry["ci95"][1] >= entry["bar"] else "#b3261e"
    bar = at(entry["bar"])
    yield f'<line x1="{bar:.1f}" y1="{y - 5}" x2="{bar:.1f}" y2="{y + 5}" stroke="#333"/>'
    yield f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
    yield f'<circle cx="{at(entry["ratio"]):.1f}" cy="{y}" r="3.5" fill="{colour}"/>'


def ratios(rows, families):
    """Best peer's time over Sonde's, one line a row."""
    body, y = [], 40
    for threads in sorted({r["threads"] for r in rows}):
        for family in families:
            entries = [r for r in rows if r["family"] == family and r["threads"] == threads]
            if not entries:
                continue
            y += LINE
            body.append(text(8, y, f"{family}, {threads} thread{'s' if threads > 1 else ''}", weight="bold"))
            for entry in entries:
                y += LINE
                body.append(text(LEFT - 8, y, entry["row"], "end"))
                body.extend(mark(entry, y - 4))
    height, width = y + 30, LEFT + WIDTH + 30
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
            f'font-size="12"><rect width="100%" height="100%" fill="white"/>'
            f"{text(LEFT, 10, 'best peer’s time / Sonde’s, with 95 % intervals; tick: the bar')}")
    return "\n".join([head, *axis(height), *body, "</svg>"]) + "\n"
