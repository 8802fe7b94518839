"""Many runs at once, and what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.container.stack import Stack, read_log
from tests.e2e.service import wait_until

CHECKS = {"fleet.parts": 2, "fleet.slow": 1}


def queue_runs(stack: Stack, numbers: Sequence[int]) -> list[str]:
    """Ask for a part of fleet.parts each, and don't wait; gives the runs' ids."""
    batches = [{"column": "part", "values": [number]} for number in numbers]
    with ThreadPoolExecutor(8) as triggers:
        return list(triggers.map(lambda batch: stack.trigger("fleet.parts", batch), batches))


def count_finished(stack: Stack, run_ids: Sequence[str]) -> int:
    listed = ",".join(f"'{run_id}'" for run_id in run_ids)
    ((found,),) = stack.query(
        f"select count(*) from runs where state = 'finished' and id in ({listed})"
    )
    return int(found)


def wait_until_finished(stack: Stack, run_ids: Sequence[str], seconds: float) -> None:
    wait_until(
        f"{len(run_ids)} runs are finished",
        lambda: count_finished(stack, run_ids) == len(run_ids),
        seconds=seconds,
    )


def check_verdicts(stack: Stack, run_ids: Sequence[str], runners: Sequence[str]) -> Counter[str]:
    """Hold every run to exactly one verdict, with one result for each check; gives how many each
    of the runners' containers concluded.
    """
    listed = ",".join(f"'{run_id}'" for run_id in run_ids)
    rows = stack.query(
        "select run.id, run.verdict, gate.table_name, count(result.*) from runs run"
        " join gates gate on gate.id = run.gate_id"
        " left join results result on result.run_id = run.id"
        f" where run.id in ({listed}) group by 1, 2, 3"
    )
    assert len(rows) == len(set(run_ids))
    assert {(verdict, int(count) - CHECKS[table]) for _, verdict, table, count in rows} == {
        ("pass", 0)
    }
    said = {
        runner: [line["run_id"] for line in read_log(runner, "concluded")] for runner in runners
    }
    concluded = Counter(run_id for ids in said.values() for run_id in ids if run_id in set(run_ids))
    assert not [run_id for run_id, times in concluded.items() if times > 1]
    return Counter({runner: len(set(ids) & set(run_ids)) for runner, ids in said.items()})
