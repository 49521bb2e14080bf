"""The ledger: nothing is lost, no edit goes unseen, scores come out as they should."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime

import numpy as np
import pytest

import forecast
from forecast.cli import main
from forecast.errors import ForecastError, StudyError, UsageError
from forecast.ledger import START, append, find, read_ledger, sealed, verify
from forecast.ledger.averages import share
from forecast.ledger.recording import PROBS, ledger_of, record, resolve
from forecast.ledger.schema import understood
from forecast.ledger.score import crps_ensemble
from forecast.ledger.scoring import score_ledger
from forecast.ledger.text import card_text, listing, resolved, to_json
from tests.studies import prior, spending, write_study

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2051, 1, 1, tzinfo=UTC)


def some(path, count: int):
    return [append(path, {"kind": "forecast", "n": n, "text": "a 90% interval, €"}) for n in range(count)]


def test_entries_are_chained(tmp_path):
    path = tmp_path / "reports" / "ledger.jsonl"
    entries = some(path, 5)
    assert [entry["n"] for entry in read_ledger(path)] == list(range(5))
    assert entries[0]["previous"] == START and entries[3]["previous"] == entries[2]["hash"]
    verdict = verify(path)
    assert (verdict.entries, verdict.head, verdict.problems) == (5, entries[4]["hash"], ())
    assert verify(path, entries[1]["hash"][:10]).problems == ()
    assert find(read_ledger(path), entries[2]["id"])["n"] == 2
    with pytest.raises(UsageError, match="no forecast has the id"):
        find(read_ledger(path), "0000000000")


@pytest.mark.parametrize("edit", ["change", "remove", "swap", "insert", "rehash", "blank"])
def test_an_edit_shows(tmp_path, edit):
    path = tmp_path / "ledger.jsonl"
    some(path, 6)
    lines = path.read_bytes().split(b"\n")[:-1]
    if edit == "change":
        lines[2] = lines[2].replace(b'"n":2', b'"n":9')
    elif edit == "remove":
        del lines[2]
    elif edit == "swap":
        lines[2], lines[3] = lines[3], lines[2]
    elif edit == "insert":
        lines.insert(2, lines[1])
    elif edit == "rehash":  # a forger who seals the changed line anew breaks the link to the next
        entry = json.loads(lines[2])
        body = {key: value for key, value in entry.items() if key not in ("hash", "previous")}
        lines[2] = json.dumps(
            sealed({**body, "n": 9}, entry["previous"]), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
    else:
        lines.insert(3, b"")
    path.write_bytes(b"\n".join(lines) + b"\n")
    verdict = verify(path)
    assert verdict.problems and verdict.entries <= 3
    with pytest.raises(StudyError):
        read_ledger(path)


def test_removal_from_the_end_shows_against_a_head(tmp_path):
    path = tmp_path / "ledger.jsonl"
    head = some(path, 4)[-1]["hash"]
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    assert not verify(path).problems
    assert "removed from the end" in verify(path, head).problems[0].what
    path.unlink()
    assert verify(path, head).problems and not verify(path).problems


def test_removal_from_the_end_shows_against_a_git_revision(tmp_path, capsys):
    path = tmp_path / "reports" / "ledger.jsonl"
    some(path, 3)

    def git(*words):
        subprocess.run(["git", "-C", tmp_path, "-c", "user.name=n", "-c", "user.email=e@e", *words], check=True)

    verify_since = ["ledger", "verify", str(tmp_path), "--since"]
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "three")
    assert main([*verify_since, "HEAD"]) == 0
    some(path, 2)
    assert main([*verify_since, "HEAD"]) == 0
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert main(["ledger", "verify", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main([*verify_since, "HEAD"]) == 4
    assert "entries were removed from the end" in capsys.readouterr().err
    for words in (["nothing"], ["HEAD", "--head", "ab"]):
        assert main([*verify_since, *words]) == 2
    assert main([*verify_since[:-1], f"--since=--output={tmp_path / 'made'}"]) == 2
    assert not list(tmp_path.glob("made*"))  # a revision is never an option of git's


def test_every_one_of_1000_bit_flips_is_detected(tmp_path):
    path = tmp_path / "ledger.jsonl"
    some(path, 12)
    whole = path.read_bytes()
    generator = np.random.default_rng(1)
    bits = generator.choice(8 * len(whole), 1000, replace=False)
    for bit in bits.tolist():
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(damaged))
        assert verify(path).problems, f"bit {bit} of {8 * len(whole)}"
    # The very last newline, each bit of it: detected, and never taken for an interrupted write.
    for bit in range(8):
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1 << bit]))
        assert verify(path).problems
        with pytest.raises(ForecastError):
            append(path, {"kind": "forecast"})


def test_what_an_interrupted_write_left_is_moved_aside(tmp_path):
    path = tmp_path / "ledger.jsonl"
    entries = some(path, 3)
    whole = path.read_bytes()
    for cut in (1, 40, len(whole.splitlines()[2])):
        path.write_bytes(whole + whole.splitlines()[2][: cut - 1 or 1].rstrip(b"}"))
        assert verify(path).entries == 3 and "incomplete" in verify(path).problems[0].what
        assert len(read_ledger(path)) == 3
        added = append(path, {"kind": "forecast"})
        assert added["previous"] == entries[2]["hash"]
        assert verify(path).entries == 4 and not verify(path).problems
    assert (tmp_path / "ledger.torn").read_bytes().count(b"\n") == 3


def test_an_entry_that_lacks_its_newline_only_is_completed(tmp_path):
    path = tmp_path / "ledger.jsonl"
    entries = some(path, 2)
    path.write_bytes(path.read_bytes()[:-1])
    assert "incomplete" in verify(path).problems[0].what
    assert append(path, {"kind": "forecast"})["previous"] == entries[1]["hash"]
    assert verify(path).entries == 3 and not verify(path).problems


def test_sound_entries_that_nobody_understands_are_told(tmp_path):
    path = tmp_path / "ledger.jsonl"
    some(path, 1)
    for call in (score_ledger, listing):
        with pytest.raises(StudyError, match="quantiles.* is missing or unknown"):
            call(read_ledger(path))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quantiles": [1.0, "x"]}, "quantiles"),
        ({"quantiles": [2.0, 1.0]}, "quantiles"),
        ({"quantiles": [1.0]}, "quantiles"),
        ({"probs": [0.5, 0.1]}, "probs"),
        ({"probs": [0.0, 0.1]}, "probs"),
        ({"time": "yesterday"}, "time"),
        ({"resolves": "2027-02-30"}, "resolves"),
        ({"resolves": 2027}, "resolves"),
        ({"question": ["a"]}, "question"),
        ({"year": "2030"}, "year"),
        ({"axis": [1.0]}, "axis"),
        ({"baselines": {"prior": [1.0, None]}}, "baselines"),
        ({"above": {"text": "1", "value": 1.0, "prob": 1.5}}, "above"),
        ({"kind": "guess"}, "kind"),
    ],
)
def test_a_sound_entry_with_a_field_of_another_kind_is_told(tmp_path, changes, field):
    """Nothing else stops a ledger that another program wrote from being scored as if it were one of ours."""
    whole = {"schema": "forecast.ledger/1", "kind": "forecast", "time": "2026-01-01T00:00:00+00:00", "resolves": "2027-12-31",
             "question": "What?", "quantity": "x", "year": None, "unit": "", "probs": [0.1, 0.9], "quantiles": [1.0, "inf"],
             "axis": None, "baselines": {}}  # fmt: skip
    path = tmp_path / "ledger.jsonl"
    append(path, whole)
    understood(read_ledger(path))
    append(path, {**whole, **changes})
    with pytest.raises(StudyError, match=f"cannot be read: {field} is missing or unknown here"):
        understood(read_ledger(path))


@pytest.mark.parametrize("changes", [{"value": "much"}, {"happened": 1}, {"on": ""}, {"value": None}, {"of": 3}])
def test_a_sound_resolution_with_a_field_of_another_kind_is_told(tmp_path, changes):
    whole = {"schema": "forecast.ledger/1", "kind": "resolution", "time": "2026-01-01T00:00:00+00:00", "of": "ab",
             "on": "2026-01-01", "value": 1.0, "happened": None, "source": "s"}  # fmt: skip
    path = tmp_path / "ledger.jsonl"
    append(path, whole)
    understood(read_ledger(path))
    append(path, {**whole, **changes})
    with pytest.raises(StudyError, match="cannot be read"):
        understood(read_ledger(path))


def test_a_changed_last_entry_is_not_built_upon(tmp_path):
    path = tmp_path / "ledger.jsonl"
    some(path, 2)
    path.write_bytes(path.read_bytes().replace(b'"n":1', b'"n":7'))
    with pytest.raises(ForecastError, match="altered"):
        append(path, {"kind": "forecast"})


WRITERS = """
import os, sys
from pathlib import Path
from forecast.ledger import append
path, children = Path(sys.argv[1]), []
for writer in range(8):
    if not (child := os.fork()):
        for n in range(25):
            append(path, {"kind": "forecast", "writer": writer, "n": n})
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""


def test_eight_writers_lose_nothing(tmp_path):
    path = tmp_path / "ledger.jsonl"
    subprocess.run([sys.executable, "-c", WRITERS, str(path)], check=True)
    entries = read_ledger(path)
    assert not verify(path).problems and len(entries) == 200
    for writer in range(8):
        assert [entry["n"] for entry in entries if entry["writer"] == writer] == list(range(25))


# Kills 200 children in the middle of writing entries of several pages, and prints the ids that were acknowledged.
KILLS = """
import os, random, signal, sys, time
from pathlib import Path
from forecast.ledger import append
path, chance = Path(sys.argv[1]), random.Random(2)
read, write = os.pipe()
os.set_blocking(read, False)
for turn in range(200):
    if not (child := os.fork()):
        n = 0
        while True:
            entry = append(path, {"kind": "forecast", "turn": turn, "n": n, "text": "x" * 12_000})
            os.write(write, f"{entry['id']}\\n".encode())
            n += 1
    time.sleep(chance.uniform(0.001, 0.02))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    try:
        while part := os.read(read, 1 << 16):
            print(part.decode(), end="")
    except BlockingIOError:
        pass
"""


@pytest.mark.slow
def test_200_kills_lose_nothing_that_was_acknowledged(tmp_path):
    path = tmp_path / "ledger.jsonl"
    done = subprocess.run([sys.executable, "-c", KILLS, str(path)], check=True, capture_output=True, text=True)
    seen = done.stdout.split()
    append(path, {"kind": "forecast", "n": -1})
    assert not verify(path).problems
    kept = {entry["id"] for entry in read_ledger(path)}
    assert len(seen) > 100, "too few writes were acknowledged to tell anything"
    assert set(seen) <= kept


# ------------------------------------------------------------------------------------------- recording and scoring

MODEL = '''
from forecast import first_crossing


def cost(hours, price):
    """Cost [USD]."""
    return hours * price


def path(year, cost, growth, start):
    """Path [USD]."""
    return cost * 10 ** (growth * (year - start))


def when(year, path, goal):
    """When [year]."""
    return first_crossing(year, path, goal)


def lag(delay):
    """How long it takes [year]."""
    return 1.5 * delay
'''


UNITS = {
    "priors/units.toml": '[currency.USD]\nindex = "cpi.csv"\nyear = 2023\nsource = "made up"\n',
    "priors/cpi.csv": "year,index\n2020,250\n2023,300\n",
}


@pytest.fixture
def study(tmp_path):
    return forecast.open_study(
        write_study(
            tmp_path,
            prior("hours", "10 to 100") + prior("price", "1 to 3", "USD") + prior("growth", "normal -0.1 to 0.3", "OOM/year")
            + prior("start", "2020", "year") + prior("goal", "10000", "USD") + prior("delay", "1 to 3", "year"),
            MODEL,
            'quantities = ["cost"]\nyears = "2020 to 2050"',
            UNITS,
        )
    )  # fmt: skip


def test_a_forecast_from_record_to_score(study):
    result = study.run(["cost", "when"], draws=16384)
    one = record(result, "cost", resolves="2027-12-31", question="What  was it?", above="80 USD_2023", now=NOW)
    two = record(result, "cost", resolves="2027-12-31", question="What was it?", now=NOW)
    year = record(result, "when", resolves="2050-12-31", question="When?", now=NOW)
    with_year = record(result, "path@2030", resolves="2030-12-31", question="How much?", now=NOW)
    assert one["quantiles"] == two["quantiles"] and len(one["quantiles"]) == len(PROBS)
    assert one["study_hash"] == study.digest and one["seed"] == result.design.seed and one["question"] == "What was it?"
    assert one["above"]["prob"] == pytest.approx(float(result.prob_above("cost", 80).value))
    resolve(study, one["id"], value="50 USD_2020", source="made up", on="2027-12-30", now=LATER)
    resolve(study, year["id"], value="never", source="made up", now=LATER)
    resolve(study, with_year["id"], value="3", source="made up", now=LATER)
    card = score_ledger(read_ledger(ledger_of(study)))
    assert card.open == 1 and card.total.count == 3
    by_name = {group.name: group for group in card.by_quantity}
    assert set(by_name) == {"cost", "when", "path@2030"}
    scored = next(s for s in card.scored if s.quantity == "cost")
    assert scored.scores["crps"] == pytest.approx(crps_ensemble(result.at("cost").ravel(), 60.0), rel=2e-3)
    assert scored.scores["brier"] == pytest.approx(one["above"]["prob"] ** 2)
    assert scored.horizon == "1 to 2 years"
    never = next(s for s in card.scored if s.quantity == "when")
    clipped = np.clip(result.at("when").ravel(), 2020, 2050)
    assert never.scores["crps"] == pytest.approx(crps_ensemble(clipped, 2050.0), rel=5e-3)
    assert json.dumps(to_json(card))
    # A resolution is corrected by another one, and both remain.
    resolve(study, one["id"], value="90", source="corrected", now=LATER)
    entries = read_ledger(ledger_of(study))
    assert len([entry for entry in entries if entry["kind"] == "resolution"]) == 4
    assert next(s for s in score_ledger(entries).scored if s.quantity == "cost").scores["brier"] < 1
    assert not verify(ledger_of(study)).problems


def test_a_year_is_scored_up_to_the_day_the_question_resolves(study):
    """Not by the end of 2029: a forecast of the year it comes is scored as one of up to then."""
    result = study.run(["when"], draws=16384)
    entry = record(result, "when", resolves="2029-12-31", question="When?", now=NOW)
    with pytest.raises(UsageError, match="never is not known on 2028-01-01"):
        resolve(study, entry["id"], value="never", source="s", now=datetime(2028, 1, 1, tzinfo=UTC))
    with pytest.raises(UsageError, match="after the day on which it was known"):
        resolve(study, entry["id"], value="2028.5", source="s", now=datetime(2028, 1, 1, tzinfo=UTC))
    resolve(study, entry["id"], value="never", source="s", on="2029-12-31", now=LATER)
    (scored,) = score_ledger(read_ledger(ledger_of(study))).scored
    draws = result.at("when").ravel()
    assert scored.scores["crps"] == pytest.approx(crps_ensemble(np.clip(draws, 2020, 2030), 2030.0), rel=5e-3)
    later = float((draws > 2030).mean())
    assert scored.scores["log_score"] == pytest.approx(-np.log(later), abs=0.01)
    assert scored.reach == (pytest.approx(1 - later, abs=0.005), 1.0)
    assert scored.covered[0.9]
    # What is said later, when it has come after all, is the same: the question was about 2029.
    resolve(study, entry["id"], value="2040", source="s", now=LATER)
    assert score_ledger(read_ledger(ledger_of(study))).scored[0].scores == scored.scores


def test_a_duration_is_no_date(study):
    """Its unit is the year, but the year axis has nothing to do with it."""
    result = study.run(["lag"], draws=8192)
    entry = record(result, "lag", resolves="2029-12-31", question="How long?", now=NOW)
    assert entry["axis"] is None
    resolve(study, entry["id"], value="2", source="s", now=LATER)
    (scored,) = score_ledger(read_ledger(ledger_of(study))).scored
    assert scored.scores["crps"] == pytest.approx(crps_ensemble(result.at("lag").ravel(), 2.0), rel=5e-3)


def test_where_an_outcome_falls_is_told(study):
    result = study.run(["cost", "when"], draws=16384)
    cost = record(result, "cost", resolves="2027-12-31", question="What?", above="80 USD_2023", now=NOW)
    when = record(result, "when", resolves="2050-12-31", question="When?", now=NOW)

    def told(entry, value):
        return resolved(resolve(study, entry["id"], value=value, source="s", now=LATER), entry)

    middle = cost["quantiles"][list(PROBS).index(0.4325)]
    assert f"Outcome: {middle:.3g} USD_2023, at the 43% point of the forecast." in told(cost, f"{middle}")
    assert "note" not in told(cost, f"{middle}") and "%: no" in told(cost, "79") and "%: yes" in told(cost, "81")
    text = told(cost, "2")
    assert "below the 0.01% point of the forecast" in text and "taken as in USD_2023" in text
    assert "--yes or --no" in text
    assert "above the 99.99% point" in told(cost, "1e9") and "--yes" not in told(cost, "1e9")
    never = float(np.isinf(result.at("when")).mean())
    assert f"Outcome: never, which had a probability of {100 * never:.0f}%." in told(when, "never")


def test_the_card_in_words(study):
    """Many forecasts of many things: sharpness, calibration, baselines, yes or no."""
    wide, narrow = study.given({"hours": "1 to 1000"}).run(["cost"], draws=8192), study.run(["cost"], draws=8192)
    for number, value in enumerate((20.0, 45.0, 60.0, 90.0, 130.0)):
        for run in (wide, narrow):
            day = f"2027-12-{10 + number}"
            entry = record(run, "cost", resolves=day, question="What?", above="50", now=NOW)
            resolve(study, entry["id"], value=str(value), source="s", on=day, now=LATER)
    text = card_text(score_ledger(read_ledger(ledger_of(study))))
    for said in ("10 forecasts resolved", "90% interval [OOM]: 2.", "PIT in tenths", "less that of the previous forecast", "of yes or no", "happened 6 of 10"):  # fmt: skip
        assert said in text, text
    assert "All quantities" not in text  # there is only one
    late = record(narrow, "cost", resolves="2027-12-31", question="What?", now=NOW)
    assert "It is due" in listing(read_ledger(ledger_of(study)), LATER.date())
    assert "It is due" not in listing(read_ledger(ledger_of(study)), NOW.date()) and late


def test_the_previous_forecast_is_a_baseline(study):
    wide, narrow = study.given({"hours": "1 to 1000"}).run(["cost"], draws=8192), study.run(["cost"], draws=8192)
    first = record(wide, "cost", resolves="2027-12-31", question="What?", now=NOW)
    second = record(narrow, "cost", resolves="2027-12-31", question="What?", now=NOW)
    for entry in (first, second):
        resolve(study, entry["id"], value="55", source="made up", now=LATER)
    card = score_ledger(read_ledger(ledger_of(study)))
    better = next(s for s in card.scored if s.id == second["id"])
    assert better.baselines["previous"]["crps"] > better.scores["crps"]
    assert card.total.differences["previous", "crps_oom"].value < 0
    assert not next(s for s in card.scored if s.id == first["id"]).baselines


def test_a_value_and_whether_it_exceeds_a_threshold_are_one_outcome(study):
    """They err together, and count as one in intervals; a question of yes or no has no forecast of a value before it."""
    run = study.run(["cost"], draws=8192)
    for above in ("", "50", "100"):
        entry = record(run, "cost", resolves="2027-12-31", question="What?", above=above, now=NOW)
        resolve(study, entry["id"], value="55", source="made up", now=LATER)
    card = score_ledger(read_ledger(ledger_of(study)))
    assert len({scored.outcome for scored in card.scored}) == 1 and not any(s.baselines for s in card.scored)
    assert np.isnan(card.total.scores["brier"].low) and card.total.coverage[0.9].count == 3
    assert card.total.coverage[0.9].low == pytest.approx(share([True]).low)


def test_evidence_makes_the_prior_a_baseline(study):
    known = study.observe("hours", "30 to 36", source="made up", date="2024-01-01")
    entry = record(known.run(["cost"], draws=8192), "cost", resolves="2027-12-31", question="What?", now=NOW)
    width = {
        name: np.log(float(v[-20]) / float(v[20]))
        for name, v in {"own": entry["quantiles"], **entry["baselines"]}.items()
    }
    assert width["prior"] > 1.5 * width["own"]
    untouched = record(known.run(["lag"], draws=8192), "lag", resolves="2027-12-31", question="What?", now=NOW)
    assert not untouched["baselines"]  # evidence of something else changes nothing: there is no prior to beat


def test_a_trend_has_a_textbook_baseline(tmp_path):
    study = forecast.open_study(
        spending(
            tmp_path,
            'def largest(spend_new):\n    """Largest [USD]."""\n    return spend_new * 1\n',
            'quantities = ["largest"]\nyears = "2020 to 2030"',
        )
    )
    entry = record(
        study.run(["largest@2027"], draws=8192), "largest@2027", resolves="2027-12-31", question="What?", now=NOW
    )
    middle = float(entry["baselines"]["trend"][len(PROBS) // 2])
    assert 10 ** (0.2 * 15) < middle < 10 ** (0.2 * 18)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda s, r: record(r, "cost", resolves="2025-01-01", question="?", now=NOW), "not in the future"),
        (lambda s, r: record(r, "cost", resolves="soon", question="?", now=NOW), "not a day"),
        (lambda s, r: record(r, "cost", resolves="2027-01-01", question=" ", now=NOW), "needs a question"),
        (
            lambda s, r: record(s.run(["goal"], draws=1024), "goal", resolves="2027-01-01", question="?", now=NOW),
            "goal is certain",
        ),
        (lambda s, r: record(r, "path", resolves="2027-01-01", question="?", now=NOW), "has a year axis"),
        (
            lambda s, r: record(r, "path@2030", resolves="2027-01-01", question="?", now=NOW),
            "before 2030, the year that",
        ),
        (
            lambda s, r: record(
                s.run(["when"], draws=1024, years=[2030, 2040]), "when", resolves="2027-01-01", question="?", now=NOW
            ),
            "before the year axis begins",
        ),
        (
            lambda s, r: record(r, "cost", resolves="2027-01-01", question="?", above="3 year", now=NOW),
            "cannot be shown",
        ),
        (lambda s, r: resolve(s, "abcdef", value="1", source="s", now=NOW), "no forecast has the id"),
        (lambda s, r: resolve(s, _one(r), value="never", source="s", now=NOW), "never"),
        (lambda s, r: resolve(s, _one(r), value="1", source="", now=NOW), "needs a source"),
        (lambda s, r: resolve(s, _one(r), happened=True, source="s", now=NOW), "not of yes or no"),
        (lambda s, r: resolve(s, _one(r), value="1", happened=True, source="s", now=NOW), "either"),
        (lambda s, r: resolve(s, _one(r), value="1", source="s", on="2025-06-30", now=NOW), "before forecast"),
        (lambda s, r: resolve(s, _one(r), value="1", source="s", on="2026-06-30", now=NOW), "in the future"),
        (lambda s, r: score_ledger([_entry(r)], "costs"), "did you mean 'cost'"),
    ],
)
def test_what_is_wrong_is_told(study, call, says):
    result = study.run(["cost"], draws=1024)
    before = ledger_of(study).exists()
    with pytest.raises(ForecastError, match=says):
        call(study, result)
    assert not before


def _entry(result):
    return record(result, "cost", resolves="2027-01-01", question="?", now=NOW)


def _one(result) -> str:
    return str(_entry(result)["id"])


def test_commands(study, capsys):
    folder = str(study.path)
    assert main(["score", folder]) == 0
    assert "No forecast has resolved" in capsys.readouterr().out
    question = "Will it cost more than 80 dollars? __import__('os').system('false')"
    assert (
        main(
            [
                "record",
                "cost",
                folder,
                "--resolves",
                "2099-12-31",
                "--question",
                question,
                "--above",
                "80",
                "--draws",
                "8192",
            ]
        )
        == 0
    )
    told = capsys.readouterr()
    id = told.out.strip()
    assert question in told.err and "P(> 80) = " in told.err and "Resolves 2099-12-31." in told.err
    assert "[USD_2023]" in told.err and "(90%: " in told.err
    assert main(["resolve", id, folder, "--yes", "--source", "a newspaper"]) == 0
    assert question in (err := capsys.readouterr().err) and "%: yes" in err
    assert main(["ledger", "list", folder]) == 0
    out = capsys.readouterr().out
    assert question in out and "yes (a newspaper)" in out
    assert main(["score", folder]) == 0
    assert "Brier score" in capsys.readouterr().out
    assert main(["score", folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "forecast.ledger.score/1"
    assert main(["ledger", "verify", folder]) == 0
    assert "2 entries, unbroken" in capsys.readouterr().out
    path = ledger_of(study)
    path.write_bytes(path.read_bytes().replace(b"newspaper", b"Newspaper"))
    assert main(["ledger", "verify", folder]) == 4
    assert "not as it was written" in capsys.readouterr().err
    assert main(["ledger", "verify", folder, "--head", "ffff"]) == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ledger", "verfy"], "did you mean 'verify'"),
        (["ledger", "verify", "nowhere"], "is not a folder"),
        (["ledger", "--head", "abc"], "goes with verify"),
        (["score", "nowhere"], "is not a folder"),
    ],
)
def test_mistakes_on_the_command_line(words, says, capsys):
    assert main(words) == 2
    assert says in capsys.readouterr().err


def test_the_ledger_of_a_folder_is_listed_without_a_word_for_it(study, capsys):
    assert main(["ledger", str(study.path)]) == 0
    assert "The ledger is empty" in capsys.readouterr().out
    assert main(["ledger", "verify", str(study.path)]) == 0
    assert "there is no entry yet" in capsys.readouterr().out


def test_listing_a_ledger_needs_little(study):
    """Verifying reads a text file: no study is opened and nothing heavy is imported."""
    code = "import sys; from forecast.cli import main; main(['ledger', 'verify', sys.argv[1]]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(study.path)], capture_output=True, text=True, check=True)
    assert not {"scipy", "pint", "xarray", "pymc"} & set(done.stdout.split())
