"""The backtest: what a rule set would have made of the batches that a gate has judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatekeeper.domain.run import RequestId, Run, RunState
from gatekeeper.domain.verdict import Verdict


@dataclass(frozen=True)
class Comparison:
    """A batch, judged again. `then` is None once the run that judged it is no longer kept."""

    now: Run
    then: Run | None


@dataclass(frozen=True)
class Backtest:
    """A request to judge batches again, and what has come of it so far: one comparison for each
    batch, the latest batch first.
    """

    id: RequestId
    comparisons: Sequence[Comparison]

    @property
    def state(self) -> RunState:
        """Where it is in its life: finished once each of its runs is over."""
        states = {comparison.now.state for comparison in self.comparisons}
        if all(comparison.now.is_over for comparison in self.comparisons):
            return RunState.FINISHED
        return RunState.QUEUED if states == {RunState.QUEUED} else RunState.RUNNING

    @property
    def finished(self) -> Sequence[Comparison]:
        """The comparisons whose batch has been judged again."""
        return [each for each in self.comparisons if each.now.verdict is not None]

    @property
    def closed(self) -> int:
        """How many batches would have closed the gate."""
        return sum(each.now.open is False for each in self.finished)

    @property
    def closed_then(self) -> int:
        """How many of the same batches closed it when they were judged."""
        return sum(each.then is not None and each.then.open is False for each in self.finished)

    @property
    def not_judged(self) -> int:
        """How many batches could not be judged. They close a gate too, and say nothing of it."""
        return sum(each.now.verdict is Verdict.ERROR for each in self.finished)

    @property
    def summary(self) -> str:
        """What it comes to, or has come to so far, in a sentence."""
        so_far = "" if self.state is RunState.FINISHED else "so far, "
        not_judged = f"; {self.not_judged} could not be judged" if self.not_judged else ""
        return (
            f"{so_far}would have closed the gate {_times(self.closed)} of {len(self.finished)} "
            f"({_times(self.closed_then)} as it was judged then){not_judged}"
        )


def _times(count: int) -> str:
    return f"{count} time" if count == 1 else f"{count} times"
