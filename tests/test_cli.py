"""The command line as a user meets it: a process, its output, its exit code, what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import forecast
from forecast.cli import main
from forecast.export import to_json
from tests.studies import prior, spending, write_study

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


def documented(section: str) -> tuple[set[str], set[str]]:
    """Fields of a section of docs/json.md: those that are always there, and all."""
    text = (ROOT / "docs/json.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    always, fields = set(), set()
    for names, meaning in re.findall(r"^\| (`.*?) \| (.*?) \|$", text, re.MULTILINE):
        fields |= (found := set(re.findall(r"`(\w+)`", names)))
        always |= set() if re.match(r"only|where|figures by|of `", meaning) else found
    return always, fields


def assert_documented(run: dict) -> None:
    """Every object of a run's JSON has the fields that docs/json.md says, and no other; numbers are numbers."""

    def same(found: dict, section: str, *, besides: frozenset[str] = frozenset()) -> None:
        always, fields = documented(section)
        assert always - besides <= set(found) <= fields | besides, section

    def number(value: object) -> bool:
        return value is None or value in ("inf", "-inf") or isinstance(value, float)

    figures = frozenset(documented("Figures")[1])
    same(run, "Fields of a run")
    for quantity in run["quantities"].values():
        same(quantity, "Fields of a quantity", besides=frozenset() if "by_year" in quantity else figures)
        for told in quantity.get("by_year", {"": quantity}).values():
            said = {key: value for key, value in told.items() if key not in ("label", "unit", "prob")}
            same(said, "Figures")
            assert set(said["mcse"]) == {"low", "median", "high", "mean"}
            assert all(number(said[key]) for key in ("low", "median", "high", "mean"))
            assert all(number(value) for value in said["mcse"].values())
            assert all(0 <= said[key] <= 1 for key in ("never", "already"))
            for band in said.get("dependence_band", {}).values():
                assert set(band) == {"low", "median", "high"}
    if "evidence" in run:
        assert set(run["evidence"]) == {"observations", "parts"}
        fields = documented("Evidence")[1]
        assert all(set(part) <= fields for part in run["evidence"]["parts"])
        assert all(
            set(seen) == {"id", "prior_predictive_p", "p_given_the_rest"} for seen in run["evidence"]["observations"]
        )


def test_json_is_the_documented_schema(study):
    done = run("run", str(study), "--json", "--draws", "4096", "--seed", "7")
    found = json.loads(done.stdout)
    assert_documented(found)
    assert found["schema"] == "forecast.run/1"
    assert (found["study"], found["seed"], found["draws"], found["chains"]) == ("my-study", 7, 4096, 8)
    energy, path, crossing = (found["quantities"][name] for name in ("energy", "path", "crossing"))
    assert (energy["label"], energy["unit"], energy["prob"]) == ("Energy of a thing", "kWh", 0.9)
    assert energy["low"] < energy["median"] < energy["high"]
    assert set(path["by_year"]) == {"2030"} and "low" not in path
    assert 0 < crossing["never"] < 1 and crossing["high"] == "inf"
    by = crossing["crossed_by"]
    assert list(by) == [str(year) for year in range(2020, 2051)] and list(by.values()) == sorted(by.values())
    assert by["2020"] == crossing["already"] and by["2050"] == pytest.approx(1 - crossing["never"])
    assert "crossed_by" not in energy and "crossed_by" not in path["by_year"]["2030"]
    assert set(path["by_year"]["2030"]["dependence_band"]) == {"-1", "0", "1"}
    assert set(energy["prob_above"]) == {"20 kWh"}


def test_the_example_in_the_documentation_has_the_documented_schema():
    (text,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs/json.md").read_text(), re.DOTALL)
    assert_documented(json.loads(text))


def test_json_with_evidence_has_the_documented_schema(study):
    seen = forecast.open_study(study).observe("energy", "10 to 12", date="2024-03-01", source="a meter")
    found = to_json(seen.run(["energy"], draws=4096))
    assert found["evidence"]["observations"] and found["evidence"]["parts"]
    assert_documented(found)


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


def test_a_scenario_for_a_path_holds_in_every_year(study, capsys):
    assert (
        main(["run", str(study), "--json", "-q", "path@2030", "-q", "crossing", "--set", "path=50", "--set", "a=1"])
        == 0
    )
    found = json.loads(capsys.readouterr().out)["quantities"]
    assert found["path"]["median"] == 50 and found["crossing"]["never"] == 1
    assert main(["run", str(study), "--set", "path=40 to 60"]) == 0
    assert "Energy, by year, 2030" in capsys.readouterr().out
    result = forecast.open_study(study).run(given={"path": 50}, draws=64)
    assert result.at("path", 2031).min() == 50 == result.at("path").max()


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
        "Used by: path, crossing, report main",
        "Source: a textbook",
        "± MC",
    ):
        assert part in text, part
    assert main(["show", "a", str(study)]) == 0
    text = capsys.readouterr().out
    for part in (
        "Prior: 1 to 10",
        "lognormal, 90% interval 1 to 10",
        "Alternative (--set a=low): 0.1 to 1",
        "Used by: energy",
        "Rank correlation with growth: 0",
    ):
        assert part in text, part
    assert main(["show", "crossing", str(study), "--draws", "4096"]) == 0
    assert re.search(r"^Probability of having come by 2030: \d+\.?\d*%, 2035: ", capsys.readouterr().out, re.MULTILINE)
    assert main(["show", "start", str(study)]) == 0
    assert "having come" not in capsys.readouterr().out
    assert main(["show", "path", str(study), "--draws", "1024"]) == 0
    assert "2050" in capsys.readouterr().out


def test_new_makes_the_starter_study(tmp_path, capsys):
    assert main(["new", str(tmp_path / "fresh")]) == 0
    assert {path.name for path in (tmp_path / "fresh").iterdir()} - {"build"} == {"priors", "models", "reports"}
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


CLAIMS = """
[document]
title = "A Paper"
author = "An Author"
year = 2023
[[claim]]
id = "A1"
sentence = "It is so"
place = "page 1"
quantity = "energy"
published = "5"
given = { a = 2, b = 3 }
reading = "point"
expected = "holds"
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "--jsn"], "forecast run: unrecognized arguments: --jsn; did you mean '--json'?"),
        (["log", "--sensitivty"], "forecast log: unrecognized arguments: --sensitivty; did you mean '--sensitivity'?"),
        (["chekc"], "did you mean 'check'?"),
        (["run", "--draws"], "forecast run: argument --draws: expected one argument; see forecast run --help"),
    ],
)
def test_what_is_misspelt_on_the_command_line(words, told, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2 and capsys.readouterr().err.strip().endswith(told)


def test_every_option_says_what_it_is(capsys):
    from forecast.cli import _parser

    (commands,) = (action.choices for action in _parser()._actions if isinstance(action.choices, dict))
    unsaid = [(name, action.dest) for name, one in commands.items() for action in one._actions if not action.help]
    assert not unsaid


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["run", "{study}", "-q", "energy"], 0),
        (["check", "{study}"], 0),
        (["run", "{study}", "-q", "energy", "--out", "/dev/null/x"], 1),
        (["run", "{study}", "--prob", "90"], 2),
        (["run", "{study}", "--no-such-option"], 2),
        (["run", "{study}", "--set", "a=1 to"], 2),
        (["show", "energy", "{study}", "--set", "a=1 to"], 2),
        (["sensitivity", "energy", "{study}", "--above", "3 kg"], 2),
        (["sensitivity", "energy", "{study}", "--measure", "a ± 3 kg"], 2),
        (["plot", "energy", "{study}", "--kind", "dots", "--threshold", "3 kg"], 2),
        (["record", "energy", "{study}", "--above", "3 kg", "--resolves", "2030-12-31", "--question", "?"], 2),
        (["update", "{study}", "--observe", "energy = 3 to 4 [kg]", "--source", "s", "--date", "2024-01-01"], 2),
        (["report", "{study}", "--set", "a=1 to"], 2),
        (["run", "{study}/nowhere"], 3),
        (["check", "{broken}"], 3),
        (["claims", "--study", "{claims}"], 4),
    ],
)
def test_exit_codes(words, code, study, tmp_path):
    """Results go to stdout, and only where there are some; messages go to stderr."""
    folders = {name: shutil.copytree(study, tmp_path / name) for name in ("broken", "claims")}
    (folders["broken"] / "priors/more.toml").write_text("[x]\n")
    (folders["claims"] / "reports/claims").mkdir()
    (folders["claims"] / "reports/claims/a.toml").write_text(CLAIMS)
    done = run(*(word.format(study=study, **folders) for word in words))
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (code in (0, 4)) and bool(done.stderr) == (code != 0)
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())


def test_claims_leave_the_evidence_out_and_say_so(study, tmp_path, capsys):
    folder = shutil.copytree(study, tmp_path / "claims")
    (folder / "reports/claims").mkdir()
    claims = CLAIMS.replace("given = { a = 2, b = 3 }", "").replace('"point"', '"consistent"').replace('"5"', '"8"')
    (folder / "reports/claims/a.toml").write_text(claims)
    words = ["claims", "--study", str(folder)]
    assert main(words) == 0
    before = capsys.readouterr()
    update = ["update", str(folder), "--source", "s", "--date", "2024-01-01", "--observe", "energy = 19 to 20"]
    assert main(update) == 0  # the printed 8 lies outside what that leaves
    capsys.readouterr()
    told = (
        "Evaluated without the study's evidence (1 observation): a claim is about what its document's own inputs give\n"
    )
    assert main(words) == 0
    assert capsys.readouterr() == (before.out + told, "")
    assert main([*words, "--json"]) == 0
    found = capsys.readouterr()
    assert json.loads(found.out)["claims"][0]["verdict"] == "holds" and found.err == told


def test_an_interrupt_exits_with_130(study, tmp_path):
    slow = shutil.copytree(study, tmp_path / "slow")
    (slow / "models/slow.py").write_text('import time\n\nprint("here")\ntime.sleep(60)\n')
    with subprocess.Popen(
        [sys.executable, "-m", "forecast.cli", "run", str(slow)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        assert process.stderr is not None and process.stderr.readline() == "here\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "error: interrupted\n")


@pytest.mark.parametrize(("given", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_colour_is_for_terminals_that_want_it(given, coloured, tmp_path):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | given
    done = subprocess.run(
        [sys.executable, "-m", "forecast.cli", "check", str(tmp_path / "nowhere")],
        stdout=subprocess.PIPE, stderr=theirs, cwd=ROOT, env=environment, timeout=60, check=False,
    )  # fmt: skip
    os.close(theirs)
    told = os.read(ours, 4096).decode()
    os.close(ours)
    assert done.returncode == 3 and "is not a folder" in told
    assert ("\033[31merror:\033[0m" in told) == coloured


def test_a_console_that_cannot_show_a_character_shows_another(study):
    done = run("run", str(study), "-q", "energy", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and done.stderr == "" and "? MC" in done.stdout


def test_json_with_a_report_is_json_alone(study, tmp_path, capsys):
    assert main(["run", str(study), "--json", "--out", str(tmp_path / "out"), "--report", "--draws", "1024"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["schema"] == "forecast.run/1"
    assert (tmp_path / "out/main.html").exists() and f"Report: {tmp_path / 'out/main.html'}" in told.err


def test_new_minimal_is_a_small_study_with_the_starters_units(tmp_path, capsys):
    assert main(["new", str(tmp_path / "small"), "--minimal"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'small'}\n"
    files = {path.relative_to(tmp_path / "small").as_posix() for path in (tmp_path / "small").rglob("*.*")}
    assert files == {
        "priors/main.toml",
        "priors/units.toml",
        "priors/price_index.csv",
        "models/main.py",
        "reports/main.md",
    }
    for name in ("priors/units.toml", "priors/price_index.csv"):
        assert (tmp_path / "small" / name).read_text() == (ROOT / name).read_text()
    assert main(["run", str(tmp_path / "small"), "--json"]) == 0
    told = capsys.readouterr()
    assert told.err == "" and set(json.loads(told.out)["quantities"]) == {"power_path", "yearly_energy", "limit_year"}
    study = forecast.open_study(tmp_path / "small")
    energy, power = (study.run(draws=64).at(name, 2030) for name in ("yearly_energy", "power_path"))
    np.testing.assert_allclose(energy, power * 8766 / 1000)
    assert set(study.functions) == set(json.loads(told.out)["quantities"])


def test_a_damaged_memo_is_written_anew(study):
    assert main(["check", str(study)]) == 0
    memo = study / "build" / "memo.json"
    good = memo.read_text()
    for damaged in ("", "{", '{"format": "forecast.memo/1"}', good[:-20]):
        memo.write_text(damaged)
        assert main(["run", str(study), "--draws", "1024"]) == 0
        assert json.loads(memo.read_text())["format"] == "forecast.memo/1"


def test_a_study_that_cannot_be_written_to_still_runs(study, tmp_path):
    shutil.copytree(study, tmp_path / "locked", ignore=shutil.ignore_patterns("build"))
    (tmp_path / "locked/build").write_text("not a folder")
    done = run("run", str(tmp_path / "locked"), "--draws", "1024")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("options", [[], ["--minimal"]])
def test_new_fills_the_folder_one_stands_in(options, tmp_path, monkeypatch, capsys):
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["new", ".", *options]) == 0
    assert {path.name for path in tmp_path.iterdir()} - {"build"} == {".git", "priors", "models", "reports"}
    assert main(["check"]) == 0
    assert main(["new", ".", *options]) == 2
    assert "is not empty" in capsys.readouterr().err


def test_new_takes_along_what_is_fitted_where_the_starter_lies(tmp_path, monkeypatch, capsys):
    shown = '''
    def half(spend):
        """Half of it [USD]."""
        return spend / 2
    '''
    made = spending(tmp_path / "starter", shown, 'quantities = ["half@2025"]\nyears = "2020 to 2030"')
    monkeypatch.setattr("forecast.study.starter.starter", lambda: made)
    assert main(["new", str(tmp_path / "cold")]) == 0  # nothing is fitted yet
    assert not (tmp_path / "cold/build").exists() and "fitted" not in capsys.readouterr().err
    assert main(["run", str(made), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (made / "build/trends/spend-0123456789abcdef.npz").write_bytes(b"of an older series")
    (made / "build/compiled/numba").mkdir(parents=True)
    assert main(["new", str(tmp_path / "warm")]) == 0
    assert "reports/, and 1 fitted trend in build/. Next: forecast run" in capsys.readouterr().err
    names = {file.name for file in (made / "build/trends").iterdir()} - {"spend-0123456789abcdef.npz"}
    assert {file.name for file in (tmp_path / "warm/build/trends").iterdir()} == names and len(names) == 3
    assert (tmp_path / "warm/build/compiled/numba").is_dir()

    def fitted(*_: object, **__: object) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr("forecast.trend.fit.fit", fitted)
    assert main(["run", str(tmp_path / "warm"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["quantities"] == told["quantities"]
    (made / "models/model.py").write_text("what is broken is copied all the same\n")
    assert main(["new", str(tmp_path / "broken")]) == 0
    assert not (tmp_path / "broken/build").exists()


def test_a_new_study_that_cannot_be_made_leaves_nothing(tmp_path, monkeypatch, capsys):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    (tmp_path / "empty").mkdir()
    for name in ("fresh", "empty"):
        assert main(["new", str(tmp_path / name)]) == 1
        assert "cannot be made (No space left on device)" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["empty"] and not list((tmp_path / "empty").iterdir())


def test_a_run_with_a_memory_imports_numpy_alone(study):
    """No grammar, no unit library, no scipy, no xarray on the way to a table that has been shown before."""
    run("run", str(study), "--draws", "1024")
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "forecast.cli", "run", str(study), "--draws", "1024"],
        capture_output=True, text=True, cwd=ROOT, timeout=120, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "numpy" in loaded and "forecast" in loaded
    assert not loaded & {
        "scipy",
        "xarray",
        "pint",
        "lark",
        "squigglepy",
        "pymc",
        "pytensor",
        "arviz",
        "pandas",
        "matplotlib",
    }


def test_the_first_study_of_the_documentation(tmp_path, capsys):
    text = (ROOT / "docs/first-study.md").read_text()
    blocks = re.findall(r"```(\w+)\n(.*?)```", text, re.DOTALL)
    tables, units, header = (block for kind, block in blocks if kind == "toml")
    (model,) = (block for kind, block in blocks if kind == "python")
    folder = tmp_path / "bill"
    assert main(["new", str(folder), "--minimal"]) == 0
    (folder / "priors/main.toml").write_text(tables)
    (folder / "models/main.py").write_text(model)
    (folder / "reports/main.md").write_text(f"+++\n{header}+++\n")
    declared = folder / "priors/units.toml"
    declared.write_text(declared.read_text().replace("[count]\n", f"[count]\n{units}"))
    for line in re.findall(r"^forecast ((?:check|run|show) .*?) +#", text, re.MULTILINE):
        capsys.readouterr()
        assert main([word.replace("bill", str(folder)) if word == "bill" else word for word in line.split()]) == 0
        told = capsys.readouterr()
        assert told.out and told.err == ""
    result = forecast.open_study(folder).run(given={"requests": 5e6, "tokens_per_request": 1000, "token_price": 2})
    assert result.at("yearly_bill", 2024)[0, 0] == pytest.approx(5e6 * 365.25 * 1000 * 2 / 1e6)
