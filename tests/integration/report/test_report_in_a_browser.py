"""The report in a real browser: quiet, self-contained, readable at 360 pixels, in light and dark."""

import json
import re
from pathlib import Path

import pytest

from support.browser import browse, served_folder
from support.command_line import Workplace

PROBE = """<!DOCTYPE html><html><body>
<iframe src="report.html" style="width:360px;height:900px;border:0"></iframe>
<pre id="found"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument, view = frame.contentWindow, found = {};
  const number = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(
    v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce(
    (sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = one => { for (; one; one = one.parentElement) {
    const c = number(view.getComputedStyle(one).backgroundColor); if (c.length === 3 || c[3] > 0) return c; }
    return [255, 255, 255]; };
  const poor = [];
  for (const one of page.querySelectorAll("h1,h2,h3,p,li,td,th,summary,dd,dt,pre,text,a")) {
    if (!one.textContent.trim() || !one.getClientRects().length) continue;
    const style = view.getComputedStyle(one);
    const a = light(number(one.tagName === "text" ? style.fill : style.color)), b = light(behind(one));
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) poor.push([one.tagName, one.textContent.slice(0, 30), contrast]);
  }
  found.poor = poor;
  found.width = page.documentElement.scrollWidth;
  found.cut = [...page.querySelectorAll(".wide, table, td")].filter(
    one => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > 360).map(
    one => [one.tagName, one.textContent.slice(0, 30)]);
  found.unlabelled = [...page.querySelectorAll("td")].filter(
    one => view.getComputedStyle(one, "::before").content.replaceAll('"', "") !== one.dataset.heading).length;
  found.headings = [...page.querySelectorAll("h1,h2,h3")].map(one => Number(one.tagName[1]));
  const plots = [...page.querySelectorAll("svg.plot")].filter(
    one => view.getComputedStyle(one).display !== "none");
  found.unnamed = plots.filter(one => !one.getAttribute("aria-label")).length;
  found.plots = plots.length;
  found.lang = page.documentElement.lang;
  found.title = page.title;
  found.scripts = page.querySelectorAll("script").length;
  found.background = view.getComputedStyle(page.body).backgroundColor;
  document.querySelector("#found").textContent = JSON.stringify(found);
};
</script></body></html>"""

PAPER = """<!DOCTYPE html><html><body>
<iframe src="report.html" style="width:688px;height:1016px;border:0"></iframe>
<pre id="found"></pre><script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const page = frame.contentDocument, found = {};
  for (const sheet of page.styleSheets) for (const rule of sheet.cssRules) {
    if (!(rule instanceof frame.contentWindow.CSSMediaRule)) continue;
    if (rule.media.mediaText === "print") rule.media.mediaText = "all";
    else if (rule.media.mediaText.includes("screen")) rule.media.mediaText = "not all";
  }
  const bottom = one => one.getBoundingClientRect().bottom;
  found.figures = bottom(page.querySelector(".figures"));
  found.problems = bottom(page.querySelector(".problems"));
  found.height = page.documentElement.scrollHeight;
  found.width = page.documentElement.scrollWidth;
  found.definitions = page.querySelector(".paper").innerText;
  document.querySelector("#found").textContent = JSON.stringify(found);
};
</script></body></html>"""
"""The page as it is printed: A4 at 96 dots per inch, without its margins of 14 mm."""


@pytest.fixture(scope="module", params=["en", "zh"])
def report(
    request: pytest.FixtureRequest, small_demo: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp(f"report-{request.param}")
    workplace = Workplace(folder)
    done = workplace.run("--data-dir", str(small_demo), "report", "--lang", request.param, "--out", "made")
    assert done.status == 0, done.err
    assert done.out.strip().endswith("report.html")
    return folder / "made"


@pytest.mark.needs_program("chromium", package="chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.fault("answers of the report")
def test_it_is_readable_on_a_phone_and_asks_for_nothing_else(report: Path, scheme: str) -> None:
    (report / "probe.html").write_text(PROBE)
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    with served_folder(report) as (address, asked):
        found, logged = browse(f"{address}/probe.html", *dark)
    assert found["width"] <= 360
    assert found["cut"] == []
    assert found["unlabelled"] == 0
    assert found["poor"] == []
    assert found["headings"][0] == 1
    assert all(
        after - before <= 1 for before, after in zip(found["headings"], found["headings"][1:], strict=False)
    )
    assert (found["plots"], found["unnamed"], found["scripts"]) == (5, 0, 0)
    assert found["lang"] in {"en", "zh-CN"}
    assert (found["background"] == "rgb(255, 255, 255)") == (scheme == "light")
    assert "CONSOLE" not in logged
    assert set(asked) <= {"/probe.html", "/report.html", "/favicon.ico"}


@pytest.mark.needs_program("chromium", package="chromium")
@pytest.mark.fault("answers of the report")
def test_the_first_printed_page_holds_the_figures_and_the_problems_and_a_week_is_four_pages(
    report: Path,
) -> None:
    """Each figure carried its definition, so that all of them were on page 2 and page 1 was half empty."""
    (report / "paper.html").write_text(PAPER)
    with served_folder(report) as (address, _):
        found, _logged = browse(f"{address}/paper.html")
    assert found["figures"] < 1016
    assert found["problems"] < 1016
    assert found["height"] < 4 * 1016
    assert found["width"] <= 688
    assert len(found["definitions"]) > 1500


def test_it_names_no_other_place(report: Path) -> None:
    html = (report / "report.html").read_text()
    assert not re.findall(r"""(?:src|href|action)\s*=\s*["']?(?!data:|#)[^"'\s>]+""", html)
    assert "url(" not in html
    assert "@import" not in html


@pytest.mark.needs_program("chromium", package="chromium")
def test_a_week_is_printed_on_at_most_four_pages(small_demo: Path, tmp_path: Path) -> None:
    done = Workplace(tmp_path).run("--data-dir", str(small_demo), "report", "--pdf", "--out", "made")
    assert done.status == 0, done.err
    assert done.err.rstrip().endswith(f"PDF: {Path('made', 'report.pdf')}")
    printed = (tmp_path / "made" / "report.pdf").read_bytes()
    assert printed.startswith(b"%PDF")
    assert 2 <= len(re.findall(rb"/Type /Page\b", printed)) <= 4
    manifest = json.loads((tmp_path / "made" / "manifest.json").read_text())
    assert manifest["pdf"]["bytes"] == len(printed)


def test_without_a_browser_it_is_said_what_to_do(
    small_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = Workplace(tmp_path).run("--data-dir", str(small_demo), "report", "--pdf", "--out", "made")
    assert done.status == 2
    assert "--pdf needs Chromium or Google Chrome" in done.err
    assert not (tmp_path / "made").exists()
