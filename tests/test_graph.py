"""Functions wired by parameter name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import StudyError
from forecast.graph import Function, ancestors, evaluate, order


def functions(**calls):
    return {
        name: Function(
            name, call, call.__code__.co_varnames[: call.__code__.co_argcount], name, "", place="models/m.py:1"
        )
        for name, call in calls.items()
    }


def test_order_puts_each_after_what_it_needs():
    found = order(functions(c=lambda b: b, b=lambda a: a, d=lambda c, b: c + b), {"a"})
    assert found.index("b") < found.index("c") < found.index("d")


def test_a_long_chain_is_no_deep_recursion():
    chain = {f"f{i}": Function(f"f{i}", lambda x: x, (f"f{i + 1}" if i < 5000 else "a",), "", "") for i in range(5001)}
    assert order(chain, {"a"}) == tuple(reversed(chain))


def test_every_missing_parameter_is_told_with_the_nearest_name():
    with pytest.raises(StudyError) as caught:
        order(functions(cost=lambda prise, hours: 0, other=lambda zzz: 0), {"price", "hours"})
    assert [str(p) for p in caught.value.problems] == [
        "models/m.py:1 cost(): nothing defines its parameter 'prise'; did you mean 'price'?",
        "models/m.py:1 other(): nothing defines its parameter 'zzz'; add a prior [zzz] to priors/ or a function zzz() to models/",
    ]


def test_a_circle_is_told_as_a_circle():
    with pytest.raises(StudyError, match=r"quantities define each other \(a -> b -> a\); break the circle"):
        order(functions(a=lambda b: b, b=lambda a: a), set())


def test_ancestors():
    assert ancestors(["c"], functions(c=lambda b: b, b=lambda a: a, d=lambda c: c)) == {"a", "b", "c"}


def test_evaluation_equals_composition_by_hand():
    f = functions(area=lambda x, y: x * y, path=lambda year, area: area * year)
    x, y, year = np.array([1.0, 2.0]), np.array([3.0, 5.0]), np.array([[1.0], [2.0], [3.0]])
    values = evaluate(f, ["area", "path"], {"x": x, "y": y, "year": year}, 2)
    np.testing.assert_array_equal(values["path"], x * y * year)


OPERATIONS = (lambda x, y: x + y, lambda x, y: x * y, np.maximum, lambda x, y: np.where(x > y, x - y, y))


@given(st.data())
def test_any_graph_equals_its_functions_composed_by_hand(data):
    """Whatever the wiring, and whatever the order in which functions stand in their files."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    inputs = {"year": np.array([[2020.0], [2030.0], [2040.0]]), "a": rng.normal(size=5), "b": rng.normal(size=5)}
    known, parents = list(inputs), {}
    for i in range(data.draw(st.integers(1, 8))):
        parents[f"f{i}"] = (
            data.draw(st.sampled_from(known)), data.draw(st.sampled_from(known)), data.draw(st.sampled_from(OPERATIONS))
        )  # fmt: skip
        known.append(f"f{i}")

    def by_hand(name):
        if name in inputs:
            return inputs[name]
        one, other, operation = parents[name]
        return operation(by_hand(one), by_hand(other))

    graph = {
        name: Function(name, lambda x, y, operation=operation: operation(x, y), (one, other), name, "")
        for name, (one, other, operation) in data.draw(st.permutations(list(parents.items())))
    }
    sequence = order(graph, set(inputs))
    assert sorted(sequence) == sorted(parents)
    values = evaluate(graph, sequence, dict(inputs), 5)
    for name in parents:
        np.testing.assert_array_equal(values[name], by_hand(name))
        needed = ancestors([name], graph)
        assert {name, *parents[name][:2]} <= needed
        alone = evaluate(graph, [n for n in sequence if n in needed], dict(inputs), 5)
        np.testing.assert_array_equal(alone[name], values[name])  # what it does not follow from plays no part


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.log(x), "models/m.py:1 f(): gives NaN in world 1 (x = -1); keep its inputs where it is defined, for example with 'within' in a prior"),
        (lambda x: np.ones(7), "models/m.py:1 f(): gives an array of shape (7,), not (2 draws) or (1 years, 2 draws); keep draws as the last axis and years as the first; reduce years with axis=0"),
        (lambda x: "a", "models/m.py:1 f(): ValueError (could not convert string to float: 'a'); a model gets arrays with draws as their last axis"),
    ],
)  # fmt: skip
def test_results_that_are_no_quantity(call, message):
    with pytest.raises(StudyError) as caught:
        evaluate(functions(f=call), ["f"], {"x": np.array([1.0, -1.0])}, 2)
    assert str(caught.value) == message


def test_a_decision_on_an_uncertain_value_is_explained():
    def f(x):
        return 1 if x > 0 else 0

    with pytest.raises(StudyError, match=r"decides with 'if', 'and' or max\(\) on an uncertain value; use np\.where"):
        evaluate(functions(f=f), ["f"], {"x": np.array([1.0, -1.0])}, 2)


def test_what_is_given_to_a_model_cannot_be_changed_by_it():
    def f(x):
        x[x < 0] = 0  # in a branch that the trial at the opening of a study may not reach
        return x

    x = np.array([1.0, -1.0])
    message = (
        r"models/m\.py:1 f\(\): changes a quantity in place; write x = x \+ 1 instead of x \+= 1, or change a copy"
    )
    with pytest.raises(StudyError, match=message.replace("py:1", r"py:\d+").replace("models/m", r"\w+/\w+")):
        evaluate(functions(f=f), ["f"], {"x": x}, 2)
    assert x.tolist() == [1.0, -1.0] and x.flags.writeable  # the caller's own array stays its own


def test_overflow_is_ordered_not_refused():
    values = evaluate(functions(f=lambda x: np.exp(x)), ["f"], {"x": np.array([1e4, 0.0])}, 2)
    np.testing.assert_array_equal(values["f"], [np.inf, 1.0])
