"""The page in a real browser: axe-core finds nothing, wide and narrow, light and dark; nothing is blocked.

The pages are fetched from the running command and served again with axe-core beside them, for the page's own
policy lets no script run.
"""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browser import browse, look, served_folder
from support.local_page import ask, links_of, read_html, served_page

pytestmark = pytest.mark.needs_program("chromium", package="chromium")

AXE = Path(__file__).parents[2] / "data" / "axe-core-4.14.1.min.js.xz"
"""axe-core by Deque Systems, MPL-2.0, as npm has it."""

WIDTHS = {"light": (360, 1280), "dark": (360,)}
"""Widths that are tried in each scheme; the colours are the same in all."""

PROBE = """<!DOCTYPE html><html>
<head><link rel="icon" href="data:,"></head><body><pre id="found"></pre><script>
const found = [], FOCUSABLE = "a[href], input:not([type=hidden]), select, button, summary, [tabindex='0']";
const load = (address, width) => new Promise(resolve => {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.onload = () => {
    const script = frame.contentDocument.createElement("script");
    script.src = "axe.js";
    script.onload = () => resolve(frame);
    frame.contentDocument.head.append(script);
  };
  frame.src = address;
  document.body.append(frame);
});
(async () => {
  for (const [address, width] of PAGES) {
    const frame = await load(address, width), view = frame.contentWindow, page = frame.contentDocument;
    const result = await view.axe.run(page);
    const unfocused = [];
    for (const one of page.querySelectorAll(FOCUSABLE)) {
      if (!one.checkVisibility()) continue;
      one.focus({focusVisible: true});
      const outline = view.getComputedStyle(one).outlineStyle;
      if (page.activeElement !== one || outline === "none") unfocused.push(one.outerHTML.slice(0, 90));
    }
    found.push({
      address, width, passes: result.passes.length,
      violations: result.violations.map(
        one => [one.id, one.nodes.length, one.nodes[0].html.slice(0, 160), one.nodes[0].failureSummary]),
      overflow: page.documentElement.scrollWidth, unfocused,
      background: view.getComputedStyle(page.body).backgroundColor,
    });
    frame.remove();
  }
  document.querySelector("#found").textContent = JSON.stringify(found);
})();
</script></body></html>"""


@pytest.fixture(scope="module")
def pages(small_demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages of the demo in a folder, as served, with the probe beside them."""
    folder = tmp_path_factory.mktemp("pages")
    with served_page(small_demo / "warehouse.duckdb") as url:
        for name, address in addresses(url):
            (folder / f"{name}.html").write_bytes(ask(url, address).body)
        (folder / "style.css").write_bytes(ask(url, "/style.css").body)
        (folder / "icon.svg").write_bytes(ask(url, "/icon.svg").body)
    (folder / "axe.js").write_bytes(lzma.decompress(AXE.read_bytes()))
    names = sorted(path.name for path in folder.glob("*.html"))
    for scheme, widths in WIDTHS.items():
        listed = json.dumps([[name, width] for name in names for width in widths])
        (folder / f"probe-{scheme}.html").write_text(PROBE.replace("PAGES", listed))
    return folder


def addresses(url: str) -> Iterator[tuple[str, str]]:
    """A page of each kind: those without a key, and from the first red cell down to its task."""
    yield from (
        ("overview", "/"),
        ("vaults", "/?by=vaults"),
        ("failures", "/failures"),
        ("causes", "/causes"),
    )
    yield from (("coverage", "/coverage"), ("definition", "/definitions/analytics.unresolved_failures"))
    yield from (("nothing", "/nothing"), ("filtered", "/?vault=nothing"))
    page = read_html(ask(url).text)
    (cell, *_) = page.find("td", class_="failed")
    night = links_of(cell)[0]
    yield "night", night
    (resource,) = {link for link in links_of(read_html(ask(url, night).text)) if link.startswith("/resource")}
    yield "resource", resource
    yield (
        "task",
        next(link for link in links_of(read_html(ask(url, night).text)) if link.startswith("/task?")),
    )


@pytest.mark.parametrize("scheme", WIDTHS)
def test_axe_core_finds_nothing(pages: Path, scheme: str) -> None:
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    with served_folder(pages) as (address, asked):
        found, logged = browse(f"{address}/probe-{scheme}.html", *dark, milliseconds=120_000)
    assert len(found) == len(WIDTHS[scheme]) * (len(list(pages.glob("*.html"))) - len(WIDTHS))
    where = [(page["address"], page["width"]) for page in found]
    found_by = {name: [page[name] for page in found] for name in ("violations", "unfocused")}
    assert [pair for pair in zip(where, found_by["violations"], strict=True) if pair[1]] == []
    assert [pair for pair in zip(where, found_by["unfocused"], strict=True) if pair[1]] == []
    for page in found:
        assert page["passes"] > 15, page
        assert page["overflow"] <= page["width"], page
        assert (page["background"] == "rgb(255, 255, 255)") == (scheme == "light")
    assert "CONSOLE" not in logged
    own = {f"/{path.name}" for path in pages.iterdir()}
    assert set(asked) <= own


def test_under_its_own_policy_nothing_is_blocked(small_demo: Path) -> None:
    """As a person opens it: the style sheet applies, and the browser has nothing to complain of."""
    with served_page(small_demo / "warehouse.duckdb") as url:
        seen, logged = look(url)
        assert "Calendar of resources" in seen
        assert "CONSOLE" not in logged
        foreign, _ = look(url.replace("127.0.0.1", "127.0.0.2"))
        assert "Calendar" not in foreign
