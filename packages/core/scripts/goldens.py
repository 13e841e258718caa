"""Writes src/reference/goldens.json: losses and gradients computed independently of every formula in this repository.

Values come from the textbook definitions (logarithms of probabilities, differences from entropies) in decimal arithmetic
with so many digits that their cancellation does not matter; gradients are central differences of those values; infinite
logits are limits of finite ones. Only Python's standard library is used. Run it in packages/core: python3 scripts/goldens.py
"""

import json
import random
from decimal import Decimal as D
from decimal import getcontext
from pathlib import Path

# exp(-800) is below the float64 range, so 60 digits remain of anything added to 1.
getcontext().prec = 420
getcontext().Emin, getcontext().Emax = -(10**15), 10**15

STEP = D(10) ** -200
# Differences of that step resolve nothing below this.
RESOLVED = D(10) ** -180
DIGITS = 25
INF = float("inf")
random.seed(20)


def log(x):
    return x.ln()


def times(a, b):
    """a b() with 0 log 0 = 0."""
    return D(0) if a == 0 else a * b()


def sigma(x):
    return 1 / (1 + (-x).exp())


# --- the losses, as their definitions stand -----------------------------------------------------------------------


def sigmoid_cross_entropy(x, t, o):
    x, t = x[0], t[0]
    w, a = D(o.get("posWeight", 1)), D(o.get("labelSmoothing", 0))
    t = (1 - a) * t + a / 2
    yes, no = w * t, 1 - t
    loss = yes * log(1 + (-x).exp()) + no * log(1 + x.exp())
    if o.get("floor") == "entropy":
        loss += times(yes, lambda: log(yes / (yes + no))) + times(no, lambda: log(no / (yes + no)))
    return loss


def quality_focal(x, t, o):
    x, t = x[0], t[0]
    ce = t * log(1 + (-x).exp()) + (1 - t) * log(1 + x.exp())
    beta = D(o.get("beta", 2))
    distance = abs(t - sigma(x))
    if beta == 0:
        return ce
    return D(0) if distance == 0 else (beta * log(distance)).exp() * ce


def softmax_cross_entropy(x, t, o):
    n = len(x)
    a, tau = D(o.get("labelSmoothing", 0)), D(o.get("temperature", 1))
    weights = [D(w) for w in o.get("classWeights", [1] * n)]
    t = [w * ((1 - a) * v + a / n) for w, v in zip(weights, t)]
    e = [(v / tau).exp() for v in x]
    s = sum(e)
    total = sum(t)
    loss = D(0)
    for c, v in enumerate(t):
        loss += times(v, lambda c=c: log(s) - x[c] / tau)
    if o.get("floor") == "entropy":
        for v in t:
            loss += times(v, lambda v=v: log(v / total))
    return loss


def clamp(c, o):
    epsilon = D(o.get("epsilon", 0))
    return min(max(c, epsilon), 1 - epsilon)


def binary_cross_entropy(x, t, o):
    c, t = clamp(x[0], o), t[0]
    return times(1 - t, lambda: -log(1 - c)) + times(t, lambda: -log(c))


def categorical_cross_entropy(x, t, o):
    return sum((times(v, lambda q=q: -log(clamp(q, o))) for q, v in zip(x, t)), D(0))


def region(definition):
    def loss(x, t, o):
        p = x if o.get("from") == "probabilities" else [sigma(v) for v in x]
        return definition(p, t, D(o.get("smooth", 0)), o)

    return loss


def distance(p, t):
    return sum(abs(a - b) for a, b in zip(p, t))


LOSSES = {
    "sigmoidCrossEntropy": sigmoid_cross_entropy,
    "qualityFocal": quality_focal,
    "softmaxCrossEntropy": softmax_cross_entropy,
    "binaryCrossEntropy": binary_cross_entropy,
    "categoricalCrossEntropy": categorical_cross_entropy,
    "diceSemimetric": region(lambda p, t, s, o: distance(p, t) / (sum(p) + sum(t) + s)),
    "jaccardMetric": region(
        lambda p, t, s, o: 1
        - (sum(p) + sum(t) - distance(p, t) + s) / (sum(p) + sum(t) + distance(p, t) + s)
    ),
    "dice": region(
        lambda p, t, s, o: 1 - (2 * sum(a * b for a, b in zip(p, t)) + s) / (sum(p) + sum(t) + s)
    ),
    "tversky": region(
        lambda p, t, s, o: 1
        - (sum(a * b for a, b in zip(p, t)) + s)
        / (
            sum(a * b for a, b in zip(p, t))
            + D(o.get("alpha", 0.5)) * sum(a * (1 - b) for a, b in zip(p, t))
            + D(o.get("beta", 0.5)) * sum((1 - a) * b for a, b in zip(p, t))
            + s
        )
    ),
}


# --- values, derivatives, limits ------------------------------------------------------------------------------------


def shown(value):
    """25 significant digits; what no float64 can hold is 0."""
    if isinstance(value, str):
        return value
    if abs(value) < D(10) ** -330:
        return "0"
    return format(value, f".{DIGITS - 1}E")


def limit(f, values, resolved=D(10) ** -400):
    """f at values, where infinite ones are approached from finite ones; 0 for what f does not resolve."""
    exact = [D(v) if abs(v) != INF else None for v in values]

    def at(stand_in):
        result = f([D(stand_in) * (1 if values[i] > 0 else -1) if v is None else v for i, v in enumerate(exact)])
        return D(0) if abs(result) < resolved else result

    if None not in exact:
        return at(0)
    near, far = at(10**6), at(10**7)
    if abs(far) > 5 * abs(near):
        return "Infinity" if far > 0 else "-Infinity"
    assert abs(far - near) <= abs(near) * D(10) ** -40, (near, far)
    return near


def derivative(f, values, i):
    def central(v):
        up, down = list(v), list(v)
        up[i], down[i] = v[i] + STEP, v[i] - STEP
        return (f(up) - f(down)) / (2 * STEP)

    return limit(central, values, RESOLVED)


def case(kind, x, t, options=None, by_target=True):
    options = options or {}
    loss = LOSSES[kind]
    targets = [D(v) for v in t]
    by_prediction = [derivative(lambda v: loss(v, targets, options), x, i) for i in range(len(x))]
    result = {
        "kind": kind,
        "options": options,
        "x": [v if abs(v) != INF else ("Infinity" if v > 0 else "-Infinity") for v in x],
        "t": t,
        "loss": shown(limit(lambda v: loss(v, targets, options), x)),
        "byPrediction": [shown(v) for v in by_prediction],
    }
    if by_target:
        by_t = []
        for i in range(len(t)):
            # One derivative by a target: the limit is taken in the logits.
            def by(v, i=i):
                up, down = list(targets), list(targets)
                up[i], down[i] = targets[i] + STEP, targets[i] - STEP
                return (loss(v, up, options) - loss(v, down, options)) / (2 * STEP)

            by_t.append(shown(limit(by, x, RESOLVED)))
        result["byTarget"] = by_t
    return result


# --- cases -----------------------------------------------------------------------------------------------------------


def uniform(low, high):
    return random.uniform(low, high)


def near(t, by):
    """The logit whose sigmoid is t, moved a little."""
    import math

    return math.log(t / (1 - t)) * (1 + by)


LOGITS = [0.0, 1e-6, -1e-6, 20.0, -20.0, 88.0, -88.0, 1e4, -1e4]
TARGETS = [0.0, 1.0, 0.5, 1e-7, 0.999999]


def inner(t):
    return 0 < t < 1


def sigmoid_cases():
    kind = "sigmoidCrossEntropy"
    for x in [*LOGITS, INF, -INF, uniform(-5, 5)]:
        for t in [*TARGETS, uniform(0, 1)]:
            yield case(kind, [x], [t])
    options = [
        {"posWeight": 2.5},
        {"posWeight": 0.3, "labelSmoothing": 0.1},
        {"labelSmoothing": 1.0},
        {"floor": "entropy"},
        {"floor": "entropy", "posWeight": 2.5, "labelSmoothing": 0.1},
    ]
    for option in options:
        for x in [1e-6, -20.0, 88.0, -1e4, INF, uniform(-5, 5)]:
            for t in [0.0, 0.999999, uniform(0, 1)]:
                smooth = option.get("labelSmoothing", 0) > 0
                yield case(kind, [x], [t], option, by_target=option.get("floor") is None or smooth or inner(t))
    for t in [0.5, 0.3, 0.999, 1e-7]:
        for by in [0.0, 1e-9, 1e-4, 0.05]:
            yield case(kind, [near(t, by) + by], [t], {"floor": "entropy"})


def focal_cases():
    for beta in [0, 1, 2, 3, 2.5]:
        for x in [1e-6, -20.0, 88.0, -1e4, INF, uniform(-4, 4)]:
            for t in [0.0, 1.0, 0.999999, uniform(0, 1)]:
                yield case("qualityFocal", [x], [t], {"beta": beta})


def distribution(n):
    t = [uniform(0, 1) for _ in range(n)]
    return [v / sum(t) for v in t]


def one_hot(n, c):
    return [1.0 if i == c else 0.0 for i in range(n)]


def softmax_cases():
    kind = "softmaxCrossEntropy"
    rows = [([3.7], [1.0]), ([3.7], [0.8])]
    rows += [([a, b], [t, 1 - t]) for a, b in [(2.0, -1.5), (30.0, 0.0), (-1e4, 1e4)] for t in [0.0, 0.25, 1.0]]
    rows += [([1.5, 1.5, 1.5], distribution(3)), ([2.0, 2.0, -3.0], [0.25, 0.25, 0.5])]
    rows += [([100.0, 0.0, -100.0], one_hot(3, c)) for c in range(3)]
    rows += [([50.0, 49.0, -700.0], [0.9, 0.3, 0.2]), ([0.1, -0.2, 0.3], [0.0, 0.0, 0.0])]
    rows += [([INF, 1.0, 2.0], one_hot(3, 0)), ([INF, 1.0, 2.0], [0.5, 0.5, 0.0]), ([INF, INF, 2.0], [0.5, 0.5, 0.0])]
    rows += [([-INF, 1.0, 2.0], [0.0, 0.5, 0.5]), ([-INF, 1.0, 2.0], [0.25, 0.25, 0.5])]
    rows += [([uniform(-6, 6) for _ in range(21)], distribution(21))]
    for x, t in rows:
        yield case(kind, x, t)
    options = [
        {"classWeights": [0.5, 2.0, 0.0]},
        {"labelSmoothing": 0.1},
        {"temperature": 3.0},
        {"classWeights": [0.5, 2.0, 1.25], "labelSmoothing": 0.2, "temperature": 0.7},
    ]
    triples = [
        ([1.0, -2.0, 0.5], one_hot(3, 1)),
        ([40.0, 0.0, -3.0], one_hot(3, 0)),
        ([uniform(-5, 5) for _ in range(3)], distribution(3)),
    ]
    for option in options:
        for floor in [{}, {"floor": "entropy"}]:
            for x, t in triples:
                both = {**option, **floor}
                smooth = option.get("labelSmoothing", 0) > 0
                defined = not floor or (0.0 not in option.get("classWeights", []) and (smooth or all(map(inner, t))))
                yield case(kind, x, t, both, by_target=defined)
    import math

    for by in [0.0, 1e-8, 1e-3, 0.3]:
        for n in [2, 3, 21]:
            t = distribution(n)
            x = [math.log(v) + by * math.sin(i) + 2 for i, v in enumerate(t)]
            yield case(kind, x, t, {"floor": "entropy"}, by_target=n < 21)
    yield case(kind, [5.0, 1.0, 0.0], [1.2, 0.4, 0.2], {"floor": "entropy"})
    yield case(kind, [60.0, 1.0, 0.0], [1.0, 0.0, 0.0], {"floor": "entropy"}, by_target=False)


def probability_cases():
    for c in [1e-12, 1e-7, 0.25, 0.5, 0.999999, 1 - 2**-40, uniform(0, 1)]:
        for t in [*TARGETS, uniform(0, 1), c]:
            yield case("binaryCrossEntropy", [c], [t])
    for c in [0.0, 1e-9, 0.3, 0.99999999, 1.0]:
        for t in [0.0, 0.3, 1.0]:
            yield case("binaryCrossEntropy", [c], [t], {"epsilon": 1e-6})
    for q, t in [
        ([0.2, 0.3, 0.5], [0.1, 0.6, 0.3]),
        ([1e-9, 0.999, 0.001], [0.0, 1.0, 0.0]),
        ([0.5, 0.25, 0.125], [0.7, 0.6, 0.1]),
        (distribution(21), distribution(21)),
    ]:
        yield case("categoricalCrossEntropy", q, t)
        yield case("categoricalCrossEntropy", q, t, {"epsilon": 0.01}, by_target=False)
    yield case("categoricalCrossEntropy", [0.0, 1.0], [0.5, 0.5], {"epsilon": 1e-6})


def region_cases():
    kinds = [
        ("diceSemimetric", [{}, {"smooth": 1.0}]),
        ("jaccardMetric", [{}, {"smooth": 1.0}]),
        ("dice", [{}, {"smooth": 0.5}]),
        ("tversky", [{}, {"alpha": 0.3, "beta": 0.7, "smooth": 0.25}, {"alpha": 1.0, "beta": 1.0}]),
    ]
    regions = [
        ([uniform(-3, 3) for _ in range(5)], [uniform(0, 1) for _ in range(5)]),
        ([12.0, -30.0, 1e-6, 88.0], [0.0, 0.999999, 1.0, 1e-7]),
        ([1e4, -1e4, INF], [0.25, 0.5, 0.75]),
        ([25.0], [0.5]),
    ]
    for kind, options in kinds:
        for option in options:
            for x, t in regions:
                yield case(kind, x, t, option)
            p = [uniform(0, 1) for _ in range(4)]
            yield case(kind, p, [uniform(0, 1) for _ in range(4)], {**option, "from": "probabilities"})


def main():
    cases = [
        *sigmoid_cases(),
        *focal_cases(),
        *softmax_cases(),
        *probability_cases(),
        *region_cases(),
    ]
    target = Path(__file__).parent.parent / "src" / "reference" / "goldens.json"
    temporary = target.with_suffix(".tmp")
    lines = ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases)
    temporary.write_text(f"[\n{lines}\n]\n")
    temporary.replace(target)
    print(f"{len(cases)} cases, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
