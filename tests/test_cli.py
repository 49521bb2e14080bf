"""The command line as a user meets it: a process, its output, its exit code, what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import forecast
from forecast.cli import main
from forecast.export import to_json
from tests.studies import prior, write_study

ROOT = Path(__file__).parent.parent


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "forecast.cli", *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(
        tmp_path_factory.mktemp("study") / "my-study",
        prior("a", "1 to 10", "hour") + prior("b", "2 to 3", "kW") + prior("start", "2020", "year") + prior("growth", "normal 0.05 to 0.2", "OOM/year")
        + '[a.alternative.low]\ndist = "0.1 to 1"\nsource = "made up"\n[[dependence]]\nbetween = ["a", "growth"]\nrank_correlation = 0\nband = true\n',
        '''
        from forecast import first_crossing


        def energy(a, b):
            """Energy of a thing [kWh].

            Source: a textbook.
            """
            return a * b


        def path(year, energy, growth, start):
            """Energy, by year [kWh]."""
            return energy * 10 ** (growth * (year - start))


        def crossing(year, path, energy):
            """Year of a hundredfold [year]."""
            return first_crossing(year, path, 100 * energy)
        ''',
        'title = "Energy"\nquantities = ["energy", "path@2030", "crossing"]\nyears = "2020 to 2050"\nthresholds = { energy = ["20 kWh"] }\nnotes = ["Made up."]',
    )  # fmt: skip


def test_the_table_says_level_kind_unit_and_error(study):
    done = run("run", str(study))
    assert done.returncode == 0 and done.stderr == ""
    assert "Energy: 90% credible intervals, equal-tailed" in done.stdout
    assert re.search(r"5%\s+50%\s+95%\s+± MC", done.stdout)
    assert re.search(r"Energy of a thing\s+\S+\s+\S+\s+\S+\s+\S+\s+\[kWh\]", done.stdout)
    assert "P(> 20 kWh) = " in done.stdout and "not by 2050: " in done.stdout
    assert "over the dependence of a and growth" in done.stdout and "Made up." in done.stdout
    assert "\033" not in done.stdout


def test_json_is_the_documented_schema(study):
    done = run("run", str(study), "--json", "--draws", "4096", "--seed", "7")
    found = json.loads(done.stdout)
    assert {
        "schema",
        "study",
        "study_hash",
        "seed",
        "draws",
        "chains",
        "method",
        "years",
        "given",
        "versions",
        "quantities",
    } <= set(found)
    assert (
        found["schema"] == "forecast.run/1"
        and found["study"] == "my-study"
        and found["seed"] == 7
        and found["draws"] == 4096
    )
    energy, path, crossing = (found["quantities"][name] for name in ("energy", "path", "crossing"))
    assert set(energy) >= {
        "label",
        "unit",
        "prob",
        "low",
        "median",
        "high",
        "mean",
        "mcse",
        "never",
        "already",
        "prob_above",
    }
    assert set(energy["mcse"]) == {"low", "median", "high", "mean"}
    assert energy["low"] < energy["median"] < energy["high"]
    assert set(path["by_year"]) == {"2030"} and "low" not in path
    assert 0 < crossing["never"] < 1 and crossing["high"] == "inf"
    assert set(
        energy["dependence_band"] if "dependence_band" in energy else path["by_year"]["2030"]["dependence_band"]
    ) == {"-1", "0", "1"}
    documented = (ROOT / "docs/json.md").read_text()
    for key in (*found, *energy, *energy["mcse"], "by_year", "dependence_band"):
        assert f"`{key}`" in documented, f"{key} is not documented"


def test_the_same_seed_gives_the_same_output(study):
    words = ("run", str(study), "--json", "--draws", "4096")
    assert run(*words).stdout == run(*words).stdout
    assert run(*words).stdout != run(*words, "--seed", "5").stdout


def test_options_of_a_run(study, capsys):
    assert (
        main(
            [
                "run",
                str(study),
                "--json",
                "-q",
                "path",
                "--years",
                "2024:2026",
                "--prob",
                "80%",
                "--draws",
                "1k",
                "--set",
                "a=low",
            ]
        )
        == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert list(found["quantities"]["path"]["by_year"]) == ["2024", "2025", "2026"]
    assert found["quantities"]["path"]["prob"] == 0.8 and found["given"] == {"a": "low"}
    assert main(["run", str(study), "-q", "energy", "--set", "a=2", "--method", "mc", "--draws", "1024"]) == 0
    text = capsys.readouterr().out
    assert "given a = 2" in text and "plain Monte Carlo" in text


def test_out_writes_what_xarray_and_arviz_open(study, tmp_path, capsys):
    import arviz
    import xarray

    assert main(["run", str(study), "--out", str(tmp_path / "out"), "--draws", "4096"]) == 0
    capsys.readouterr()
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["result.json", "result.nc"]
    saved = json.loads((tmp_path / "out/result.json").read_text())
    result = forecast.open_study(study).run(draws=4096)
    assert saved == json.loads(json.dumps(to_json(result)))
    with xarray.open_datatree(tmp_path / "out/result.nc") as tree:
        energy = tree["posterior"]["energy"]
        assert energy.dims == ("chain", "draw") and energy.attrs["units"] == "kWh"
        np.testing.assert_array_equal(energy, result.values("energy")[:, :1024])
        assert tree["posterior"]["path"].dims == ("chain", "draw", "year")
        assert json.loads(tree.attrs["provenance"])["study_hash"] == saved["study_hash"]
    assert "energy" in arviz.from_netcdf(tmp_path / "out/result.nc")["posterior"]


def test_check_lists_what_the_study_needs(study, capsys):
    assert main(["check", str(study)]) == 0
    text = capsys.readouterr().out
    for part in (
        "No problems found",
        "growth [OOM/year]",
        "normal 0.05 to 0.2",
        "used by path",
        "(a, b)",
        "made up for a test",
        "a ~ growth",
    ):
        assert part in text, part


def test_show_tells_all_about_a_quantity(study, capsys):
    assert main(["show", "energy", str(study)]) == 0
    text = capsys.readouterr().out
    for part in (
        "Energy of a thing [kWh]",
        "models/model.py",
        "return a * b",
        "a [hour]",
        "Used by: path, crossing",
        "Source: a textbook",
        "± MC",
    ):
        assert part in text, part
    assert main(["show", "a", str(study)]) == 0
    text = capsys.readouterr().out
    for part in (
        "Prior: 1 to 10",
        "lognormal, 90% interval 1 to 10",
        "Alternative 'low': 0.1 to 1",
        "Used by: energy",
        "growth (rank correlation 0",
    ):
        assert part in text, part
    assert main(["show", "path", str(study), "--draws", "1024"]) == 0
    assert "2050" in capsys.readouterr().out


def test_new_makes_the_starter_study(tmp_path, capsys):
    assert main(["new", str(tmp_path / "fresh")]) == 0
    assert {path.name for path in (tmp_path / "fresh").iterdir()} == {"priors", "models", "reports"}
    capsys.readouterr()
    assert (
        main(
            [
                "run",
                str(tmp_path / "fresh"),
                "-q",
                "training_cost",
                "-q",
                "crossing_year",
                "-q",
                "deployment_ratio",
                "--json",
            ]
        )
        == 0
    )
    assert set(json.loads(capsys.readouterr().out)["quantities"]) == {
        "training_cost",
        "crossing_year",
        "deployment_ratio",
    }


def test_a_note_about_dollars_without_a_year(tmp_path, capsys):
    files = {
        "priors/units.toml": '[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "BLS"\n',
        "priors/cpi.csv": "year,index\n2023,304.702\n",
    }
    model = 'def cost(price):\n    """Cost [USD]."""\n    return price * 1.0\n'
    write_study(tmp_path, prior("price", "1 to 2", "USD"), model, 'quantities = ["cost"]', files)
    assert main(["run", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "priors/priors.toml [price]: USD without a year is USD_2023" in captured.err
    assert "[USD_2023]" in captured.out


def test_help_says_that_studies_run_python():
    assert "open only studies you trust" in " ".join(run("run", "--help").stdout.split())


def test_a_closed_pipe_is_no_error(study):
    command = f'"{sys.executable}" -m forecast.cli check "{study}" | head -n 1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines()[-1] == "0" and "Traceback" not in done.stderr


def test_what_a_model_prints_is_no_result(tmp_path, capsys):
    text = 'print("loaded")\n\n\ndef twice(a):\n    """Twice [hour]."""\n    print("called")\n    return 2 * a\n'
    study = write_study(tmp_path / "loud", prior("a", "1 to 10", "hour"), text)
    assert main(["run", str(study), "-q", "twice", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["quantities"]["twice"]["unit"] == "hour"
    assert "loaded" in err and "called" in err


@pytest.mark.parametrize("where", ["at the top", "in a function"])
def test_a_model_that_exits_is_told(tmp_path, capsys, where):
    top, inside = ("raise SystemExit(0)", "return 2 * a") if where == "at the top" else ("", "raise SystemExit(0)")
    study = write_study(
        tmp_path / "gone",
        prior("a", "1 to 10", "hour"),
        f'{top}\ndef twice(a):\n    """Twice [hour]."""\n    {inside}\n',
    )
    assert main(["run", str(study), "-q", "twice"]) == 3
    assert "SystemExit" in capsys.readouterr().err


def test_a_full_disk_is_told(study):
    if not Path("/dev/full").exists():
        pytest.skip("/dev/full is not here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "forecast.cli", "run", str(study), "-q", "a"],
            stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert (
        done.stderr
        == "error: output: cannot be written or read (No space left on device); free it, or choose another place\n"
    )


def test_an_interrupt_exits_with_130(study, monkeypatch, capsys):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("forecast.study.Study.run", interrupt)
    assert main(["run", str(study)]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_a_damaged_memo_is_written_anew(study):
    run("check", str(study))
    memo = study / "build" / "memo.json"
    good = memo.read_text()
    for damaged in ("", "{", '{"format": "forecast.memo/1"}', good[:-20]):
        memo.write_text(damaged)
        assert run("run", str(study), "--draws", "1024").returncode == 0
        assert json.loads(memo.read_text())["format"] == "forecast.memo/1"


def test_a_study_that_cannot_be_written_to_still_runs(study, tmp_path):
    import shutil

    shutil.copytree(study, tmp_path / "locked", ignore=shutil.ignore_patterns("build"))
    (tmp_path / "locked/build").write_text("not a folder")
    done = run("run", str(tmp_path / "locked"), "--draws", "1024")
    assert done.returncode == 0, done.stderr
