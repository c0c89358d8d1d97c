"""An executor without processes."""


class Here:
    """An executor that works in this process, and notes what it was given."""

    workers = 1

    def __init__(self, most: int = 1000, *, is_local: bool = True):
        self.is_local = is_local
        self.done: list[str] = []
        self._most = most

    def run(self, work, items, count_steps, retry):
        for unit in items:
            if len(self.done) == self._most:
                raise KeyboardInterrupt
            self.done.append(unit.job.batch.shard if hasattr(unit, "job") else type(unit).__name__)
            yield unit, work(unit, count_steps)
