"""An executor without processes."""


class Here:
    """An executor that works in this process, and notes what it was given."""

    is_local, workers = True, 1

    def __init__(self, most: int = 1000):
        self.done: list[str] = []
        self._most = most

    def run(self, work, items, count_steps, retry):
        for unit in items:
            if len(self.done) == self._most:
                raise KeyboardInterrupt
            self.done.append(unit.job.batch.shard)
            yield unit, work(unit, count_steps)
