"""Words for what an uncertainty budget can say."""

from flask_babel import lazy_gettext as _l

from lims.metrology.coverage import CoverageShape, DofTruncation
from lims.metrology.method_budgets import SourceKind
from lims.metrology.monte_carlo_draws import FiniteDof
from lims.metrology.uncertainty_statements import UncertaintyDigits, UncertaintyRounding
from lims.ui.labels import register

register(
    SourceKind,
    {
        SourceKind.STANDARD: _l("standard uncertainty u"),
        SourceKind.EXPANDED: _l("expanded uncertainty U with k"),
        SourceKind.EXPANDED_AT: _l("expanded uncertainty U at a probability"),
        SourceKind.RESOLUTION: _l("resolution (one step)"),
        SourceKind.RECTANGULAR: _l("rectangular, half width"),
        SourceKind.TRIANGULAR: _l("triangular, half width"),
        SourceKind.U_SHAPED: _l("U-shaped, half width"),
        SourceKind.TRAPEZOIDAL: _l("trapezoidal, half width"),
        SourceKind.CURVED_TRAPEZOIDAL: _l("rectangular, half width itself uncertain"),
        SourceKind.EXPONENTIAL: _l("exponential, standard deviation"),
        SourceKind.GAMMA: _l("gamma, standard deviation"),
        SourceKind.POOLED: _l("standard deviation of earlier series"),
        SourceKind.READINGS: _l("type A, from the replicates"),
    },
)
register(
    DofTruncation,
    {
        DofTruncation.FLOOR: _l("down to a whole number (GUM G.4.1)"),
        DofTruncation.TENTH_FLOOR: _l("rounded to tenths, then down"),
        DofTruncation.NEAREST: _l("to the nearest whole number"),
        DofTruncation.NONE: _l("not cut: t in between"),
    },
)
register(
    CoverageShape,
    {
        CoverageShape.AGREED: _l("k as agreed"),
        CoverageShape.STUDENT: _l("t distribution"),
        CoverageShape.NORMAL: _l("normal"),
        CoverageShape.RECTANGULAR: _l("one dominant rectangle"),
        CoverageShape.TRAPEZOIDAL: _l("trapezoid of two dominant rectangles"),
    },
)
register(
    UncertaintyRounding,
    {
        UncertaintyRounding.NEAREST_UNLESS_LOWERED: _l("nearest, up where that takes off more than 5 %"),
        UncertaintyRounding.NEAREST: _l("nearest, ties to even"),
        UncertaintyRounding.UP: _l("always up"),
    },
)
register(
    UncertaintyDigits,
    {
        UncertaintyDigits.TWO: _l("two digits"),
        UncertaintyDigits.ONE: _l("one digit"),
        UncertaintyDigits.BY_FIRST_DIGIT: _l("two if the first is 1 or 2, else one"),
    },
)
register(
    FiniteDof,
    {
        FiniteDof.STUDENT: _l("drawn from t (JCGM 101)"),
        FiniteDof.NORMAL: _l("drawn as normal"),
    },
)
