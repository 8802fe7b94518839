"""What the names of well-known dbt tests speak of."""

from __future__ import annotations

from gatekeeper.domain.rule import Dimension

_TESTS = {
    Dimension.COMPLETENESS: (
        "not_null",
        "at_least_one",
        "not_empty_string",
        "not_null_proportion",
        "expect_column_values_to_not_be_null",
    ),
    Dimension.UNIQUENESS: (
        "unique",
        "unique_combination_of_columns",
        "expect_column_values_to_be_unique",
        "expect_compound_columns_to_be_unique",
    ),
    Dimension.CONSISTENCY: (
        "relationships",
        "cardinality_equality",
        "equal_rowcount",
        "equality",
        "fewer_rows_than",
        "relationships_where",
    ),
    Dimension.TIMELINESS: ("recency", "expect_row_values_to_have_recent_data"),
}
_DIMENSION_OF = {test: dimension for dimension, tests in _TESTS.items() for test in tests}


def dimension_of(test: str) -> Dimension:
    """Give the dimension of a test, without its package; validity where its name isn't known."""
    return _DIMENSION_OF.get(test, Dimension.VALIDITY)
