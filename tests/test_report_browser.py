"""The HTML report in headless Chromium: no console message, no request, every figure, paper, and axe-core's findings."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="reports have figures (extra 'plots')")

from forecast.cli import main
from tests.test_record import WORDS, Known, ledger, said
from tests.test_report import make

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (path := shutil.which(name))), None
)
AXE = next(
    (
        file
        for file in (Path(os.environ.get("AXE_CORE", "")), ROOT / "node_modules/axe-core/axe.min.js")
        if file.is_file()
    ),
    None,
)

pytestmark = pytest.mark.slow
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


def chromium(*words: str) -> subprocess.CompletedProcess[str]:
    fixed = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=20000",
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ]
    return subprocess.run([str(CHROMIUM), *fixed, *words], capture_output=True, text=True, timeout=180)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    study = make(folder / "costs")
    forecasts = [
        said(number, question=WORDS, above={"text": WORDS, "value": 11.0, "prob": 0.3}) for number in range(21)
    ]
    outcomes = [
        Known(number, 6.0 + 0.4 * number, number > 12, source=f"https://example.org/ {WORDS}") for number in range(20)
    ]
    (study / "reports/ledger.jsonl").write_bytes(ledger(*forecasts, *outcomes))
    assert main(["report", str(study), "--out", str(folder)]) == 0
    return folder / "main.html"


@pytest.fixture(scope="module")
def starter(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starter")
    assert main(["report", "main", str(ROOT), "--out", str(folder)]) == 0
    return folder / "main.html"


def test_the_starter_report_is_small(starter):
    assert starter.stat().st_size < 500_000


@needs_chromium
@pytest.mark.parametrize("which", ["written", "starter"])
def test_no_console_message_and_no_request(which, request, tmp_path):
    page = request.getfixturevalue(which)
    log = tmp_path / "net.json"
    done = chromium("--enable-logging=stderr", f"--log-net-log={log}", "--dump-dom", f"file://{page}")
    assert "CONSOLE" not in done.stderr
    assert done.stdout.count("<svg") == page.read_text().count("<svg") > 5
    # Chromium itself asks for updates; the page's links lead to these places, and are not to be followed unasked.
    assert not re.search(r'"url":"https?://(example\.org|www\.w3\.org|arxiv\.org)', log.read_text())


@needs_chromium
def test_what_a_script_would_ask_for_is_refused(written, tmp_path):
    """The policy bites: a script and a picture put into the page neither run nor load."""
    bad = tmp_path / "bad.html"
    text = written.read_text().replace(
        "</body>", '<script>document.title="ran"</script><img src="https://example.org/x.png"></body>'
    )
    bad.write_text(text)
    done = chromium("--enable-logging=stderr", "--dump-dom", f"file://{bad}")
    assert "<title>ran</title>" not in done.stdout
    assert "Content Security Policy" in done.stderr


@needs_chromium
def test_it_prints(written, tmp_path):
    file = tmp_path / "print.pdf"
    chromium("--no-pdf-header-footer", f"--print-to-pdf={file}", f"file://{written}")
    assert file.read_bytes().startswith(b"%PDF") and file.stat().st_size > 20_000
    if shutil.which("pdftotext") is None:
        return
    text = subprocess.run(["pdftotext", file, "-"], capture_output=True, text=True).stdout
    # Paper cannot be unfolded: sources and formulas are printed, contents and the link to skip them are not.
    assert "made up" in text and "return hours * price" in text and "To the answer" not in text


@needs_chromium
def test_a_phone_shows_it_without_scrolling_sideways(written, tmp_path):
    frame = tmp_path / "frame.html"
    probe = 'const d=document.querySelector("iframe").contentDocument.documentElement;document.title=d.scrollWidth+" "+d.clientWidth'
    shutil.copy(written, tmp_path / "main.html")
    frame.write_text(f'<iframe src="main.html" width="360" height="640" onload=\'{probe}\'></iframe>')
    done = chromium("--allow-file-access-from-files", "--dump-dom", f"file://{frame}")
    inner, outer = map(int, re.search(r"<title>(\d+) (\d+)</title>", done.stdout).groups())
    assert inner <= outer


@needs_chromium
@pytest.mark.skipif(
    AXE is None, reason="axe-core is not installed (npm install --no-save axe-core, or AXE_CORE=/path/to/axe.min.js)"
)
@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("which", ["written", "starter"])
def test_axe_finds_nothing(which, scheme, request, tmp_path):
    text = request.getfixturevalue(which).read_text()
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)  # it would keep axe out
    tell = 'axe.run().then(r=>{const p=document.createElement("pre");p.id="found";p.textContent=JSON.stringify(r.violations.map(v=>[v.id,v.impact,v.nodes[0].html]));document.body.appendChild(p)})'
    file = tmp_path / "axe.html"
    script = AXE.read_text().replace("</script", "<\\/script")
    file.write_text(text.replace("</body>", f"<script>{script}</script><script>{tell}</script></body>"))
    done = chromium(
        f"--blink-settings=preferredColorScheme={scheme}", "--virtual-time-budget=60000", "--dump-dom", f"file://{file}"
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, "axe-core did not finish"
    assert json.loads(html.unescape(found.group(1))) == []
