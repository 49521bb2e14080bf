"""`forecast update`, `log` and `export`: what they print, what they write, and that files survive whatever happens."""

from __future__ import annotations

import datetime
import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from forecast.cli import main
from forecast.errors import StudyError, UsageError
from forecast.evidence.write import add, drop
from forecast.study import open_study
from tests.evidence_support import SOURCE, study_of
from tests.studies import prior

MODELS = 'def c(a, b):\n    """Product []."""\n    return a * b\n'
FILE = Path("priors/evidence/observations.toml")
COMMENTED = """# mine, and to be kept
[first]  # a report
quantity = "a"          # aligned on purpose
value    = "2 to 5"
date     = 2024-01-02
source   = "a [bracket] in a text"

# about the second
[second]
quantity = "b"
at_most = 3
date = "2024-02-03"
source = '''
[not a header]
'''
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return study_of(tmp_path, prior("a", "1 to 10") + prior("b", "0.5 to 2"), MODELS).path


def update(study: Path, *arguments: str) -> int:
    return main(["update", str(study), "--source", "a test", "--date", "2024-03-01", *arguments])


def test_update_writes_and_tells(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert update(study, "--observe", "c = 2 to 4", "--note", "by hand") == 0
    out = capsys.readouterr().out
    assert "c [" not in out and out.index("\nc ") < out.index("\na ") < out.index("\nb ")  # most informed first
    assert "k-hat" in out and "worlds effective" in out and "Pareto-smoothed weights" in out
    (seen,) = open_study(study).evidence
    assert (seen.id, seen.quantity, seen.date, seen.note, seen.text) == (
        "c",
        "c",
        "2024-03-01",
        "by hand",
        "c = 2 to 4",
    )
    assert main(["log", str(study)]) == 0
    log = capsys.readouterr().out
    assert "2024-03-01  c: c = 2 to 4" in log and "source: a test; by hand" in log and "bits" in log
    assert main(["run", str(study), "-q", "c"]) == 0
    assert "Posterior: the priors given 1 observation (forecast log" in capsys.readouterr().out
    assert main(["run", str(study), "-q", "c", "--json", "--draws", "8192"]) == 0
    told = json.loads(capsys.readouterr().out)["evidence"]
    assert told["parts"][0]["rung"] == "weights" and told["parts"][0]["effective_worlds"] > 400
    assert update(study, "--drop", "c") == 0
    assert open_study(study).evidence == ()
    assert "those of the priors" in capsys.readouterr().out


def test_each_update_leads_with_what_it_moved(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert update(study, "--observe", "c = 2 to 4") == 0
    first = capsys.readouterr().out
    assert first.startswith("Prior against posterior") and "before it" not in first  # of one alone they are the same
    for arguments in (["--dry-run"], []):
        assert update(study, "--observe", "a = 3 to 4", *arguments) == 0
        change, rest = capsys.readouterr().out.split("Prior against posterior")
        assert (
            change.startswith("What a moves: median and 90% credible interval")
            and "Monte Carlo error at most" in change
        )
        assert "before it" in change and change.index("\na ") < change.index("\nb ") < change.index("\nc ")
        assert "because of" in rest and "k-hat" in rest
    assert update(study, "--observe", "c <= 1000") == 0
    change, rest = capsys.readouterr().out.split("Prior against posterior")
    assert change == "c-2 moves nothing beyond Monte Carlo error.\n\n" and "\na " in rest
    assert update(study, "--drop", "c-2", "--dry-run") == 0
    assert capsys.readouterr().out.startswith("Dropping c-2 moves nothing beyond Monte Carlo error.\n\nPrior against")
    assert update(study, "--observe", "b = 1 to 2", "--dry-run", "-q", "b") == 0
    change, rest = capsys.readouterr().out.split("Prior against posterior")
    assert "\nb " in change and "\na " not in change + rest
    assert update(study, "--drop", "a") == 0
    change, rest = capsys.readouterr().out.split("Prior against posterior")
    assert change.startswith("What dropping a moves:") and "without it" in change
    for id in ("c-2", "c"):
        assert update(study, "--drop", id) == 0
    last = capsys.readouterr().out
    assert "What dropping c moves:" in last and last.endswith(
        "No evidence is left: forecasts are those of the priors.\n"
    )


def test_what_was_exact_is_told_when_it_is_dropped(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert update(study, "--observe", "b <= 1.5") == 0
    assert update(study, "--observe", "a = 2") == 0
    change = capsys.readouterr().out.split("What a moves")[1].partition("Prior against")[0]
    (row,) = (line for line in change.splitlines() if line.startswith("a "))
    assert row.endswith("exact") and "exactly 2" in row
    assert update(study, "--drop", "a") == 0
    change = capsys.readouterr().out.partition("Prior against")[0]
    (row,) = (line for line in change.splitlines() if line.startswith("a "))
    assert row.split()[1:3] == ["exactly", "2"] and row.endswith("all") and "—" in row and "10" in row
    assert "\nc " in change and "\nb " not in change


def test_what_cannot_be_computed_with_can_be_dropped(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two exact values of one prior contradict each other: one has to go, and there is no posterior before that."""
    for id, value in (("one", 2), ("two", 3)):
        add(study, {"quantity": "a", "value": value, "date": datetime.date(2024, 1, 1), "source": "s"}, id)
    assert main(["run", str(study)]) == 3
    capsys.readouterr()
    assert update(study, "--drop", "two") == 0
    out = capsys.readouterr().out
    assert "no posterior before it" in out and "contradicts another" in out and "exactly 2" in out


def test_a_dry_run_writes_nothing(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(study.rglob("*.toml"))
    assert update(study, "--observe", "c = 2 to 4", "--dry-run") == 0
    assert "bits" in capsys.readouterr().out and sorted(study.rglob("*.toml")) == before


def test_comments_and_layout_are_kept(study: Path) -> None:
    path = study / FILE
    path.parent.mkdir(parents=True)
    path.write_text(COMMENTED, encoding="utf-8")
    add(study, {"quantity": "c", "value": "1 to 20", **SOURCE}, "third")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(COMMENTED)
    drop(study, "third")
    assert path.read_text(encoding="utf-8").rstrip("\n") == COMMENTED.rstrip("\n")
    drop(study, "first")
    left = path.read_text(encoding="utf-8")
    assert (
        left.startswith("# mine, and to be kept\n# about the second\n[second]")
        or "# about the second\n[second]" in left
    )
    assert list(tomllib.loads(left)) == ["second"]
    assert [seen.id for seen in open_study(study).evidence] == ["second"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--observe", "nope = 1 to 2"], 2, "there is no quantity 'nope'"),
        (["--observe", "c = 2 to 1"], 2, "the interval runs downwards"),
        (
            ["--observe", "c = 3"],
            2,
            "an exact value of a derived quantity has probability zero (c = 3); say how exact it is: --error 2%",
        ),
        (["--observe", "a = -1"], 2, "is impossible: the prior of a runs from 0 to inf"),
        (["--observe", "c@2025 = 1 to 2"], 2, "has no year axis"),
        (["--observe", "c is big"], 2, "is not a statement"),
        (["--observe", "c = 1 to 2 [kg]"], 2, "cannot be shown in"),
        (["--drop", "nope"], 2, "there is no observation 'nope'"),
        ([], 2, "needs either --observe"),
        (["--observe", "c = 1000 to 1100", "--rung", "weights"], 4, "weights do not serve"),
    ],
)
def test_what_is_refused_is_not_written(
    study: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert update(study, *arguments) == code
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err
    assert not (study / FILE).exists()


def test_what_is_written_is_read_back_the_same(study: Path) -> None:
    """Dates in any ISO form, and texts with whatever stands in them."""
    fields = {"quantity": "c", "value": "1 to 20", "source": 'é "so" \\ 漢 [x] # no\ttab', "note": "two\nlines = "}
    for i, date in enumerate(("20240301", "2024-W09-5", "2024-03-01", datetime.date(2024, 3, 1))):
        add(study, {**fields, "date": date}, f"d{i}")
    found = open_study(study).evidence
    assert {seen.date for seen in found} == {"2024-03-01"} and len(found) == 4
    assert {seen.source for seen in found} == {'é "so" \\ 漢 [x] # no tab'}


def test_ids(study: Path) -> None:
    table = {"quantity": "c", "value": "1 to 20", **SOURCE}
    assert [add(study, table), add(study, table), add(study, table, "mine")] == ["c", "c-2", "mine"]
    with pytest.raises(StudyError, match="exists"):
        add(study, table, "mine")
    with pytest.raises(UsageError, match="did you mean 'mine'"):
        drop(study, "mina")


def test_the_log_tells_what_each_says_of_the_others(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for value in ("2 to 2.2", "6 to 6.5"):
        assert update(study, "--observe", f"c = {value}") == 0
    assert "disagrees with the rest of the evidence" in capsys.readouterr().out
    assert main(["log", str(study)]) == 0
    out = capsys.readouterr().out
    assert out.count("; given the rest of the evidence p ") == 2 and out.count("conflict: ") == 2


def test_conflict_is_told(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert update(study, "--observe", "c = 4000 to 5000") == 0
    assert "conflict: c (c = 4000 to 5000) was improbable beforehand" in capsys.readouterr().out


def test_export(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import xarray

    update(study, "--observe", "c = 2 to 2.5")
    capsys.readouterr()
    folder = tmp_path / "as-priors"
    assert main(["export", str(study), "--posterior", str(tmp_path / "p.nc"), "--as-priors", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "Largest error in the 5, 50 and 95% points of priors" in out
    with xarray.open_datatree(tmp_path / "p.nc", engine="h5netcdf") as tree:
        assert np.allclose(tree["posterior"]["c"], tree["posterior"]["a"] * tree["posterior"]["b"])
        assert json.loads(tree.attrs["provenance"])["evidence"]["parts"][0]["rung"] == "weights"
    tables = tomllib.loads((folder / "priors.toml").read_text(encoding="utf-8"))
    assert tables["dependence"][0]["rank_correlation"] < -0.9  # a product that is known ties its factors
    other = tmp_path / "other"
    (other / "models").mkdir(parents=True)
    (other / "models" / "model.py").write_text(MODELS, encoding="utf-8")
    folder.rename(other / "priors")
    one, two = open_study(study).run(["c", "a"], draws=65_536), open_study(other).run(["c", "a"], draws=65_536)
    for name, rel in (("a", 0.02), ("c", 0.05)):
        assert two.interval(name).median == pytest.approx(one.interval(name).median, rel=rel)
    assert main(["export", str(study), "--as-priors", str(other / "priors")]) == 2


def test_an_export_keeps_what_is_no_prior(tmp_path: Path) -> None:
    """Trends beside priors in one file, alternatives, tables and units: the exported folder is a study's."""
    from forecast.evidence.export import write_priors
    from tests.studies import write_study
    from tests.test_study_trends import MODEL, TREND, UNITS, costs

    alternative = '[goal.alternative."what else"]\ndist = "2e9"\nsource = "s"\n'
    priors = TREND + prior("goal", "1e8 to 1e9", "USD_2023") + alternative + prior("one_year", "1", "year")
    header = 'quantities = ["later"]\nyears = "2015 to 2060"'
    one = write_study(tmp_path / "one", priors, MODEL, header, UNITS | {"priors/evidence/costs.csv": costs()})
    seen = open_study(one).observe("goal", "2e8 to 3e8", **SOURCE)
    two = write_study(tmp_path / "two", "", MODEL, header)
    (two / "priors" / "priors.toml").unlink()
    told = write_priors(seen.run(draws=8192), two / "priors")
    again = open_study(two)
    assert "Largest error" in told[0]
    assert again.fit_keys == seen.fit_keys and again.evidence == ()
    assert [a.name for a in again.priors["goal"].alternatives] == ["what else"]
    assert again.run(["goal"], draws=8192).interval("goal").median == pytest.approx(2.45e8, rel=0.05)


def test_cached_results_are_the_same(study: Path) -> None:
    from forecast.evidence import ladder as evidence_ladder

    seen = open_study(study).observe("c", "900 to 1000", **SOURCE)
    one = seen.run(["a"], draws=4096)
    assert one.update.parts[0].rung == "smc" and len(list((study / "build" / "updates").glob("*.npz"))) == 1
    evidence_ladder._RECENT.clear()
    again = seen.run(["a"], draws=4096)
    assert np.array_equal(one.values("a"), again.values("a"))
    assert one.update.provenance() == again.update.provenance()
    for file in (study / "build" / "updates").glob("*.npz"):
        file.write_bytes(b"damaged")
    evidence_ladder._RECENT.clear()
    assert np.array_equal(one.values("a"), seen.run(["a"], draws=4096).values("a"))


def _add(folder: str, number: int, count: int) -> None:
    for i in range(count):
        add(Path(folder), {"quantity": "c", "value": f"{1 + i} to 20", **SOURCE}, f"w{number}-{i}")


def test_updates_at_once_are_all_kept(study: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_add, args=(str(study), number, 10)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    tables = tomllib.loads((study / FILE).read_text(encoding="utf-8"))
    assert set(tables) == {f"w{n}-{i}" for n in range(4) for i in range(10)}


def _killed(study: Path, kills: int, whole: bool, spread: float) -> tuple[int, int]:
    """Kill processes that add an observation at random moments; how many had written, how many had not."""
    rng = np.random.default_rng(5)
    written = 0
    # What is imported and parsed once is there before the first fork; a child then comes to the writing soon.
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        update(study, "--observe", "c = 1 to 20", "--id", "warm") if whole else _add(str(study), kills, 1)
    for i in range(kills):
        before = (study / FILE).read_text(encoding="utf-8")
        child = os.fork()
        if child == 0:  # the child never comes back
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(1, 2)
            try:
                if whole:
                    update(study, "--observe", "c = 1 to 20", "--id", f"k{i}")
                else:
                    _add(str(study), i, 1000)
            finally:
                os._exit(0)
        time.sleep(float(rng.uniform(0, spread)))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        after = (study / FILE).read_text(encoding="utf-8")
        old, new = tomllib.loads(before), tomllib.loads(after)
        assert after.startswith(before) and set(old) <= set(new), "an observation was lost or a file is torn"
        assert all(set(table) == {"quantity", "value", "date", "source"} for table in new.values())
        written += after != before
        # About half of them should have written, however busy the machine is.
        spread *= 0.9 if after != before else 1.1
        if len(new) > 40:
            (study / FILE).write_text("\n".join(before.splitlines()[:7]) + "\n", encoding="utf-8")
    return written, kills - written


def _killed_in_a_process(study: Path, *arguments: object) -> tuple[int, int]:
    """`_killed` in a process without threads, which alone can be forked safely."""
    code = f"from pathlib import Path; from tests.test_update import _killed; print(*_killed(Path({str(study)!r}), *{arguments!r}))"
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written, not_written = map(int, done.stdout.split()[-2:])
    return written, not_written


def test_a_killed_writer_leaves_the_old_file_or_the_new_one(study: Path) -> None:
    _add(str(study), 999, 1)
    written, _ = _killed_in_a_process(study, 60, False, 0.02)
    assert written > 5
    add(study, {"quantity": "c", "value": "1 to 20", **SOURCE}, "last")
    assert not list((study / FILE).parent.glob(".*.tmp"))


@pytest.mark.slow
def test_two_hundred_killed_updates(study: Path) -> None:
    _add(str(study), 999, 1)
    written, not_written = _killed_in_a_process(study, 200, True, 0.3)
    assert written > 20 and not_written > 20
    assert open_study(study).evidence


def test_updates_at_once_by_the_command_line(study: Path) -> None:
    """Whole commands side by side: each one's observation is there, and no id was given twice."""
    program = "import sys; from forecast.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "update", str(study), "--source", "s", "--date", "2024-03-01"]
    running = [
        subprocess.Popen([*command, "--observe", f"c = {i} to 20"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for i in (1, 2, 3)
    ]
    for process in running:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert {seen.text for seen in open_study(study).evidence} == {f"c = {i} to 20" for i in (1, 2, 3)}
