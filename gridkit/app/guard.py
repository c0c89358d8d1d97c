"""What every request and answer keeps to, so that a clip stays between a visitor and the page.

A page of another site must not send clips here, nor read what came of them, and a name that someone
else's DNS points to this machine must not either. The page itself may load and ask nothing but
what comes from here.
"""

from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gridkit.app.settings import LOOPBACK, Settings

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'none'; "
    "media-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}


class Guard:
    """Middleware of the server."""

    def __init__(self, app: ASGIApp, settings: Settings):
        self._app, self._is_local = app, settings.is_local
        ancestors = "'none'" if settings.is_local else "*"  # the Hub shows a Space in a frame
        self._headers = {
            **HEADERS,
            "Content-Security-Policy": f"{POLICY}; frame-ancestors {ancestors}",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        if not self._may(scope["method"], Headers(scope=scope)):
            refused = PlainTextResponse("this page answers itself alone", status_code=403)
            await refused(scope, receive, send_guarded)
            return
        await self._app(scope, receive, send_guarded)

    def _may(self, method: str, headers: Headers) -> bool:
        host = headers.get("host", "")
        if self._is_local and _parts(f"//{host}").hostname not in LOOPBACK:
            return False
        if method in ("GET", "HEAD"):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site == "same-origin"
        origin = headers.get("origin")
        return origin is None or _parts(origin).netloc == host


def _parts(address: str) -> SplitResult:
    """Return the parts of an address; what is none has no parts."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
