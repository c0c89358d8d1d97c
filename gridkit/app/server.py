"""The page and what it asks for, over HTTP; clips are worked on elsewhere (`jobs.py`).

    GET  /                        the page, its style, script and examples
    GET  /facts                   what the recipes are, once they are loaded
    POST /clips                   a clip as the body; the answer tells what is read as it is read
    POST /clips/VISIT/KIND        a video made of it: `captioned` or `playable`; told likewise
    GET  /clips/VISIT/FILE        what was made
    POST /clips/VISIT/forget      delete all of it

What is told is JSON, one message a line (`work.py`). Nothing is taken from pages of other sites,
and the page itself may ask nothing of another machine.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gridkit import __version__
from gridkit.app.guard import Guard
from gridkit.app.jobs import Jobs
from gridkit.app.page import examples, page_file
from gridkit.app.settings import Settings
from gridkit.app.task import Task
from gridkit.app.visits import CAPTIONED, CLIP, PLAYABLE, TooManyVisitsError, Visits
from gridkit.compute.limited import Message
from gridkit.corpus.grammar import SLOTS, is_code
from gridkit.errors import printable

FORGET_EVERY_S = 30
STALL_S = 60
"""A clip of which nothing comes for so long is given up."""
LONGEST_NAME = 80
ENDED: Message = {"kind": "refused", "text": "the server of this page has been ended"}
VIDEOS = {"captioned": CAPTIONED, "playable": PLAYABLE}
"""What can be made of a clip when it is asked for, and the file that it is."""


class App:
    """What answers requests."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._jobs = Jobs(settings)
        self._visits = Visits()
        self._facts: asyncio.Future[Message]
        self._under_way: set[asyncio.Timeout] = set()

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Load the recipes while the page is there already; delete all visits at the end."""
        self._facts = asyncio.get_running_loop().create_future()
        with self._visits:
            tasks = [asyncio.create_task(work()) for work in (self._load, self._forget_old)]
            yield
            for task in tasks:
                task.cancel()

    def end_answers(self) -> None:
        """End what visitors wait for: the server ends."""
        if not self._facts.done():
            self._facts.set_result(ENDED)
        for answer in self._under_way:
            answer.reschedule(0)

    @asynccontextmanager
    async def _ended_with_server(
        self, after_s: float | None = None
    ) -> AsyncIterator[asyncio.Timeout]:
        """Raise a TimeoutError when the server ends; also after some time, where it is given."""
        async with asyncio.timeout(after_s) as limit:
            self._under_way.add(limit)
            try:
                yield limit
            finally:
                self._under_way.remove(limit)

    async def _load(self) -> None:
        async for message in self._jobs.run(Task("facts", name="the page")):
            if message["kind"] in ("facts", "refused") and not self._facts.done():
                self._facts.set_result(message)

    async def _forget_old(self) -> None:
        while True:
            await asyncio.sleep(FORGET_EVERY_S)
            self._visits.forget_old()

    async def page(self, request: Request) -> Response:
        """Return the page, or a file that it shows."""
        return page_file(request.path_params.get("name", "index.html"))

    async def facts(self, _request: Request) -> Response:
        """Return what the recipes are, and what is allowed, once they are loaded."""
        loaded = await asyncio.shield(self._facts)
        return JSONResponse(
            {
                **loaded,
                "version": __version__,
                "slots": [list(slot.items()) for slot in SLOTS],
                "examples": examples(),
                "is_local": self._settings.is_local,
                "largest_mb": self._settings.largest_mb,
                "longest_s": self._settings.longest_s,
            }
        )

    async def read(self, request: Request) -> Response:
        """Take a clip, and tell what is read in it."""
        loaded = await asyncio.shield(self._facts)
        asked = request.query_params
        readers = [reader["name"] for reader in loaded.get("readers", ())]
        reader = asked.get("reader", readers[0] if readers else "")
        if reader not in readers:
            raise HTTPException(400, "there is no such reader here")
        prompt = asked.get("prompt", "")
        if prompt and not is_code(prompt):
            raise HTTPException(400, "the prompt is not the code of a sentence of GRID")
        try:
            visit = self._visits.begin()
        except TooManyVisitsError as error:
            raise HTTPException(503, str(error)) from error
        folder = self._visits.folder(visit)
        assert folder is not None
        try:
            with self._visits.answering(visit):
                await self._save(request, folder / CLIP)
        except BaseException:
            self._visits.forget(visit)
            raise
        name = printable(asked.get("name", "this clip"))[:LONGEST_NAME]
        task = Task("read", folder, name, reader, prompt, self._settings.longest_s)
        return self._told(task, visit, is_new=True)

    async def _save(self, request: Request, path: Path) -> None:
        """Write the body of a request to a file.

        Raises:
            HTTPException: it is larger than what is allowed, or stops to come.
            ClientDisconnect: the visitor left.
        """
        most = self._settings.largest_mb * 1_000_000
        too_large = HTTPException(
            413, f"the clip has more than {self._settings.largest_mb} MB; cut out a part"
        )
        if int(request.headers.get("content-length", 0)) > most:
            raise too_large
        size = 0
        loop = asyncio.get_running_loop()
        try:
            with path.open("wb") as file:
                async with self._ended_with_server(STALL_S) as limit:
                    async for part in request.stream():
                        limit.reschedule(loop.time() + STALL_S)
                        size += len(part)
                        if size > most:
                            raise too_large
                        file.write(part)
        except TimeoutError as error:
            raise HTTPException(408, "the clip stopped to come; give it again") from error

    async def make(self, request: Request) -> Response:
        """Make a video of a clip, and tell how far it is."""
        visit, kind = request.path_params["visit"], request.path_params["kind"]
        folder = self._visits.folder(visit)
        if folder is None or kind not in VIDEOS:
            raise HTTPException(404, "this clip has been deleted; give it again")
        name = printable(request.query_params.get("name", "this clip"))[:LONGEST_NAME]
        task = Task(kind, folder, name, longest_s=self._settings.longest_s)
        return self._told(task, visit, is_new=False)

    async def made(self, request: Request) -> Response:
        """Return a file that was made of a clip; with `?keep=NAME`, to be kept under this name."""
        file = self._visits.file(request.path_params["visit"], request.path_params["name"])
        if file is None:
            raise HTTPException(404, "there is no such file; clips are deleted after a while")
        return FileResponse(file, filename=request.query_params.get("keep"))

    async def forget(self, request: Request) -> Response:
        """Delete all that there is of a visit."""
        self._visits.forget(request.path_params["visit"])
        return Response(status_code=204)

    def _told(self, task: Task, visit: str, *, is_new: bool) -> Response:
        lines = self._lines(task, visit, is_new=is_new)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def _lines(self, task: Task, visit: str, *, is_new: bool) -> AsyncIterator[bytes]:
        """Yield what a task says; a new visit is over where the visitor leaves before the end."""
        last: Message = {"kind": "visit", "visit": visit}
        try:
            with self._visits.answering(visit):
                yield _line(last)
                async with self._ended_with_server():
                    async for last in self._jobs.run(task):
                        yield _line(last)
        except TimeoutError:
            yield _line(ENDED)
        finally:
            if is_new and last["kind"] != "done":
                self._visits.forget(visit)


def create_app(settings: Settings) -> Starlette:
    """Return the application; it loads the recipes when it starts, in another process."""
    app = App(settings)
    routes = [
        Route("/", app.page),
        Route("/facts", app.facts),
        Route("/clips", app.read, methods=["POST"]),
        Route("/clips/{visit}/forget", app.forget, methods=["POST"]),
        Route("/clips/{visit}/{kind}", app.make, methods=["POST"]),
        Route("/clips/{visit}/{name}", app.made),
        Route("/{name}", app.page),
    ]
    made = Starlette(
        routes=routes,
        lifespan=app.lifespan,
        exception_handlers={HTTPException: _refused, ClientDisconnect: _left},
    )
    made.add_middleware(Guard, settings=settings)
    made.state.end_answers = app.end_answers
    return made


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"kind": "refused", "text": error.detail}, error.status_code)


async def _left(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)  # to nobody: the visitor left while giving a clip


def _line(message: Message) -> bytes:
    return json.dumps(message).encode() + b"\n"
