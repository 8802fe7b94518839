"""What each rule type means, in plain Python: from the judged rows to the rows that fail.

Written from the descriptions in stringx/rule_types/, not from the SQL below them, so that the two
can be held against each other. Numbers are exact, as fractions, unless a float is compared.
"""

from collections.abc import Mapping

from tests.reference import (
    aggregates,
    columns,
    counterparts,
    formats,
    free_sql,
    keys,
    tables,
    times,
)
from tests.reference.judged import RuleType

REFERENCE: Mapping[str, RuleType] = {
    **columns.RULE_TYPES,
    **formats.RULE_TYPES,
    **times.RULE_TYPES,
    **keys.RULE_TYPES,
    **aggregates.RULE_TYPES,
    **counterparts.RULE_TYPES,
    **tables.RULE_TYPES,
    **free_sql.RULE_TYPES,
}
"""The rows failed of every rule type."""
