"""Reads the values back from the drawing of a plot: from its geometry and the labels of its own axis."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = r"(-?[\d.]+(?:e-?\d+)?)"
_PLACE = re.compile(rf"translate\({_NUMBER},{_NUMBER}\)")
_BAR = re.compile(rf"M{_NUMBER},{_NUMBER}h{_NUMBER}v{_NUMBER}h")
_POINT = re.compile(rf"[ML]{_NUMBER},{_NUMBER}")


@dataclass(frozen=True)
class DrawnPlot:
    """A plot of a report, as SVG.

    Attributes:
        root: Its root element.
    """

    root: ET.Element

    def labels(self) -> list[tuple[float, float]]:
        """The labels of the axis of values: where each is, in pixels from above, and its value."""
        found = []
        for text in self._within("role-axis-label", "text"):
            place = _PLACE.search(text.get("transform", ""))
            # Those of days are below; the last of them may end at the edge as well.
            if place and float(place[1]) < 0 and (said := text.text):
                number = float(re.sub(r"[,%\s]", "", said))
                found.append((float(place[2]), number / 100 if "%" in said else number))
        return found

    def points(self) -> list[tuple[float, float]]:
        """Where each point is, and its value; the uppermost label is at the upper edge, as 100 % is."""
        top, most = min(self.labels())
        found = []
        for path in self._within("mark-symbol role-mark", "path"):
            place = _PLACE.search(path.get("transform", ""))
            assert place is not None
            found.append((float(place[1]), most - self._per_pixel * float(place[2])))
        assert top < 10
        return found

    def bars(self) -> list[tuple[float, float]]:
        """Where each bar begins, and its height as a value."""
        found = []
        for path in self._within("mark-rect role-mark", "path"):
            place = _BAR.match(path.get("d", ""))
            assert place is not None, path.get("d")
            found.append((float(place[1]), self._per_pixel * float(place[4])))
        return found

    def heights(self) -> list[float]:
        """The values at the corners of a line, from left to right."""
        top, most = min(self.labels())
        assert top < 10
        (line,) = self._within("mark-line role-mark", "path")
        return [most - self._per_pixel * float(y) for _, y in _POINT.findall(line.get("d", ""))]

    def squares(self) -> list[tuple[str, str]]:
        """The colour of each square, and what is written in it; in the order of the days."""
        colours = [path.get("fill", "") for path in self._within("mark-rect role-mark", "path")]
        texts = [text.text or "" for text in self._within("mark-text role-mark", "text")]
        return list(zip(colours, texts, strict=True))

    @property
    def _per_pixel(self) -> float:
        (first, low), *_, (last, high) = sorted(self.labels())
        return abs(high - low) / (last - first)

    def _within(self, group: str, tag: str) -> Iterator[ET.Element]:
        for found in self.root.iter(f"{_SVG}g"):
            if group in found.get("class", ""):
                yield from found.iter(f"{_SVG}{tag}")


def read_plots(section: str) -> dict[str, DrawnPlot]:
    """The plots in the HTML of a section, by the size that they are drawn in."""
    drawn = re.findall(r"<svg.*?</svg>", section, re.DOTALL)
    roots = [ET.fromstring(one) for one in drawn]
    return {root.get("data-size", ""): DrawnPlot(root) for root in roots}
