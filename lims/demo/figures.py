"""What an analyst of the demonstration reads off for one test: raw inputs that give a plausible result.

Results are never written: the inputs are typed, and the method's own formula computes.
"""

import random
from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal

from lims.demo.read import facts

D = Decimal
Inputs = dict[str, tuple[str, ...]]  # input -> its replicates as typed
COUNT_ITEMS = {
    # item -> (usual counts, counts of a failing sample)
    "plate_count": (("1.2e3", "850", "3.1e3", "640", "2.0e3"), ("1.3e4", "2.6e4", "1.8e4", "9.0e3", "3.4e4")),
    "coliforms": (("<10", "<10", "<10", "10", "<10"), ("40", "2.1e2", "60", "<10", "35")),
    "moulds": (("20",), ("310",)),
    "salmonella": (("未检出",) * 5, ("未检出", "检出", "未检出", "未检出", "未检出")),
    "s_aureus": (("<10",) * 5, ("2.5e2", "4.0e2", "<10", "1.2e3", "80")),
    "plate_count_water": (("3",), ("260",)),
    "total_coliforms_water": (("未检出",), ("检出",)),
    "pseudomonas": (("0",) * 5, ("0", "3", "0", "0", "0")),
}


def _text(value: Decimal, places: int) -> str:
    return str(value.quantize(D(1).scaleb(-places), ROUND_HALF_EVEN))


def _weighing(dice: random.Random, percent: Decimal) -> Inputs:
    dish = D(dice.randint(252_000, 318_000)) / 10_000
    sample = D(dice.randint(49_000, 51_500)) / 10_000
    dry = dish + sample - sample * percent / 100
    return {"m0": (_text(dish, 4),), "m1": (_text(dish + sample, 4),), "m2": (_text(dry, 4),)}


def _titration(factor: str, mass: str, concentration: str, blank: str) -> Callable[..., Inputs]:
    def read(dice: random.Random, target: Decimal) -> Inputs:
        m = D(mass) + D(dice.randint(-400, 400)) / 10_000
        used = target * m / (D(concentration) * D(factor))
        return {
            "V": (_text(D(blank) + used, 2),),
            "V0": (blank,),
            "c": (concentration,),
            "m": (_text(m, 4),),
        }

    return read


def _solution(divisor: str, volume: str, mass: str, blank: str | None = None) -> Callable[..., Inputs]:
    """``c * V * f / (m * divisor)``, with a blank ``c0`` where the method has one."""

    def read(dice: random.Random, target: Decimal) -> Inputs:
        m = D(mass) * (D(dice.randint(9_800, 10_200)) / 10_000)
        c = target * m * D(divisor) / D(volume)
        found: Inputs = {
            "c": (_text(c + D(blank or 0), 3),),
            "V": (volume,),
            "f": ("1",),
            "m": (_text(m, 4),),
        }
        return found | ({"c0": (blank,)} if blank else {})

    return read


def _aluminium(dice: random.Random, target: Decimal) -> Inputs:
    return {"as_is": (_text(target * D("0.81"), 1),)}


def _nitrite(dice: random.Random, target: Decimal) -> Inputs:
    m = D(50_000 + dice.randint(-900, 900)) / 10_000
    return {"a": (_text(target * m * 40 / 200, 2),), "V0": ("200",), "V1": ("40",), "m": (_text(m, 4),)}


def _conductor(dice: random.Random, target: Decimal) -> Inputs:
    t = D(dice.randint(215, 262)) / 10
    return {"R": (_text(target * (D("234.5") + t) / D("254.5"), 3),), "t": (str(t),)}


def _ash(dice: random.Random, target: Decimal) -> Inputs:
    crucible, sample = D(dice.randint(300_000, 340_000)) / 10_000, D("3.0000")
    return {
        "m1": (_text(crucible + sample * target / 100, 4),),
        "m2": (_text(crucible, 4),),
        "m3": (_text(crucible + sample, 4),),
    }


RECIPES: dict[str, Callable[[random.Random, Decimal], Inputs]] = {
    "moisture": _weighing,
    "aluminium": _aluminium,
    "acid_value": _titration("56.1", "3.0", "0.0502", "0.05"),
    "peroxide_value": _titration("12.69", "3.0", "0.0101", "0.02"),
    "sulfur_dioxide": _titration("32", "20.0", "0.0099", "0.02"),
    "sorbic_acid": _solution("1000", "50", "2.0"),
    "benzoic_acid": _solution("1000", "50", "2.0"),
    "dehydroacetic_acid": _solution("1000", "25", "2.0"),
    "lead": _solution("1000", "50", "0.5", "0.115"),
    "cadmium": _solution("1000", "50", "0.5", "0.012"),
    "melamine": _solution("1", "10", "1.0"),
    "aflatoxin_b1": _solution("1", "5", "5.0"),
    "aflatoxin_m1": _solution("1", "2", "4.0"),
    "nitrite": _nitrite,
    "conductor_resistance": _conductor,
    "ash": _ash,
    "ph": lambda _dice, target: {"reading": (_text(target, 2),)},
    "turbidity": lambda _dice, target: {"reading": (_text(target, 2),)},
    "lead_water": lambda _dice, target: {"c": (_text(target * 1000, 3),), "f": ("1",)},
    "hardness": lambda _dice, target: {
        "V1": (_text(D("0.05") + target * 50 / (D("0.0100") * D("100090")), 2),),
        "V0": ("0.05",),
        "c": ("0.0100",),
        "V": ("50.0",),
    },
}
LEVELS = {row["item"]: row for row in facts("levels")}


def readings(item: str, dice: random.Random, *, failing: bool = False) -> Inputs:
    """Inputs of ``item`` as typed; ``failing``: beyond the limit where the item has one in the facts."""
    if item in COUNT_ITEMS:
        usual, bad = COUNT_ITEMS[item]
        chosen = bad if failing else usual
        name = "counts"
        return {name: tuple(dice.sample(chosen, len(chosen)))}
    if item == "sensory":
        return {"observation": ("色泽正常, 无异味, 无肉眼可见杂质",)}
    level = LEVELS[item]
    if failing and "bad" in level:
        target = D(level["bad"])
    elif dice.random() < level.get("zero", 0):
        target = D(0)
    else:
        low, high = D(level["low"]), D(level["high"])
        target = low + (high - low) * D(dice.randint(0, 1000)) / 1000
    return RECIPES[item](dice, target)
