"""Addresses: each is one call of the service, by ids that it made, and never becomes a path."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException

from dreamfilters.errors import DreamfiltersError, UnknownNameError
from dreamfilters.runs.storage.file_names import readable
from dreamfilters.viewer.server.access import Access, App, Gate
from dreamfilters.viewer.server.errors import BusyError, TooLargeError
from dreamfilters.viewer.services.image_store import LARGEST_UPLOAD
from dreamfilters.viewer.services.service import Service

STATIC = Path(__file__).parents[1] / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_LARGEST_JSON = 2**16  # bytes
_ORDER = {"layer": str, "unit": int, "recipe": str, "seed": int}
_WISH = {"layer": str, "unit": int, "recipe": str}
_PATIENCE = 30.0  # seconds that a body may take to arrive
_IMAGE, _THUMB = 1024, 96  # pixels


def application(service: Service, access: Access) -> App:
    """Return the ASGI application: the gate, and behind it a route for each thing that the service can be asked for."""
    app = FastAPI(lifespan=_life(service), openapi_url=None, docs_url=None, redoc_url=None)
    for add in (_pages, _images, _maps, _units, _dreams, _stream):
        add(app, service)
    answers = {
        DreamfiltersError: _refused, RequestValidationError: _malformed, HTTPException: _plain, Exception: _broken,
    }  # fmt: skip
    for kind, answer in answers.items():
        app.add_exception_handler(kind, answer)
    return Gate(app, access)


def _life(service: Service) -> Any:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        service.start()
        try:
            yield
        finally:
            service.close()

    return life


def _pages(app: FastAPI, service: Service) -> None:
    files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}

    @app.get("/")
    async def index() -> Response:
        return await _file(files, "index.html")

    @app.get("/static/{name:path}")
    async def static(name: str) -> Response:
        return await _file(files, name)

    @app.get("/api/state")
    async def state() -> Response:
        return _json(service.state())


def _images(app: FastAPI, service: Service) -> None:
    @app.get("/api/images/{image}/image.png")
    async def image(image: str) -> Response:
        return _png(await service.sights.png(image, _IMAGE))

    @app.get("/api/images/{image}/thumb.png")
    async def thumb(image: str) -> Response:
        return _png(await service.sights.png(image, _THUMB))

    @app.get("/api/images/{image}/input.png")
    async def shown(image: str) -> Response:
        return _png(await service.sights.shown_png(image))

    @app.post("/api/images")
    async def add(request: Request) -> Response:
        content = await _body(request, LARGEST_UPLOAD)
        return _json(await service.sights.add(content, request.headers.get("x-name", "")))

    @app.post("/api/images/{image}/forget")
    async def forget(image: str) -> Response:
        return _json(await service.sights.forget(image))

    @app.post("/api/frames")
    async def frame(request: Request) -> Response:
        return _json(await service.sights.frame(await _body(request, LARGEST_UPLOAD)))


def _maps(app: FastAPI, service: Service) -> None:
    @app.get("/api/predictions/{image}")
    async def predictions(image: str) -> Response:
        return _json(await service.sights.predictions(image, service.top))

    @app.get("/api/maps/{layer}/{image}")
    async def maps(layer: str, image: str) -> Response:
        return _json(await service.sights.maps(layer, image))

    @app.get("/api/maps/{layer}/{image}/sheet.bin")
    async def sheet(layer: str, image: str) -> Response:
        return Response(await service.sights.sheet(layer, image), media_type="application/octet-stream")

    @app.get("/api/maps/{layer}/{image}/{unit}")
    async def unit_map(layer: str, image: str, unit: int) -> Response:
        return _json(await service.sights.map(layer, image, unit))

    @app.get("/api/receptive-fields/{layer}")
    async def field(layer: str, row: int = 0, column: int = 0) -> Response:
        return _json(await service.sights.field(layer, row, column))


def _units(app: FastAPI, service: Service) -> None:
    @app.get("/api/verdicts/{layer}")
    async def verdicts(layer: str) -> Response:
        return _json(await service.knowledge.verdicts(layer))

    @app.get("/api/units/{layer}/{unit}")
    async def unit_facts(layer: str, unit: int) -> Response:
        return _json(await service.knowledge.unit(layer, unit))

    @app.get("/api/units/{layer}/{unit}/download.json")
    async def download(layer: str, unit: int) -> Response:
        facts = await service.knowledge.unit(layer, unit)
        text = json.dumps(facts, indent=1)
        return _download(text.encode(), "application/json", f"{readable(facts['target'], 'unit')}.json")

    @app.get("/api/units/{layer}/{unit}/crops/{rank}.png")
    async def crop(layer: str, unit: int, rank: int) -> Response:
        return _png(await service.knowledge.crop_png(layer, unit, rank))

    @app.post("/api/report")
    async def compare(request: Request) -> Response:
        wanted = await _values(request, {"layer": str, "units": list})
        return _json(await service.knowledge.compare(**wanted))

    @app.get("/api/reports/{report}.zip")
    async def report(report: str) -> Response:
        return _download(service.knowledge.report(report), "application/zip", f"dreamfilters-{report}.zip")


def _dreams(app: FastAPI, service: Service) -> None:
    @app.get("/api/dreams")
    async def dreams(layer: str | None = None) -> Response:
        return _json(service.studio.listed(layer))

    @app.post("/api/dreams")
    async def book(request: Request) -> Response:
        return _json(await service.studio.book(**await _values(request, _ORDER, recipe="", seed=0)))

    @app.post("/api/dreams/prepare")
    async def prepare(request: Request) -> Response:
        return _json(await service.studio.prepare(**await _values(request, _WISH)))

    @app.post("/api/dreams/{dream}/cancel")
    async def cancel(dream: str) -> Response:
        return _json(service.studio.cancel(dream))

    @app.post("/api/dreams/{dream}/save")
    async def save(dream: str) -> Response:
        return _json(await service.studio.save(dream))

    @app.get("/api/dreams/sheet/{layer}")
    async def sheet(layer: str) -> Response:
        return _json(await service.studio.sheet(layer))

    @app.get("/api/dreams/sheet/{layer}/sheet.png")
    async def sheet_png(layer: str) -> Response:
        return _png(await service.studio.sheet_png(layer))

    @app.get("/api/dreams/{dream}/image.png")
    async def image(dream: str) -> Response:
        return _png(service.studio.png(dream))

    @app.get("/api/dreams/{dream}/thumb.png")
    async def thumb(dream: str) -> Response:
        return _png(service.studio.thumb(dream))

    @app.get("/api/dreams/{dream}/map")
    async def dream_map(dream: str) -> Response:
        return _json(service.studio.map(dream))

    @app.get("/api/dreams/{dream}/measures")
    async def measures(dream: str) -> Response:
        return _json(await service.knowledge.measures(dream))


def _stream(app: FastAPI, service: Service) -> None:
    @app.get("/api/events")
    async def events() -> Response:
        stream = service.hub.listen(service.first_events)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


# ---------------------------------------------------------------------------------------------------------------------
# Bodies


async def _body(request: Request, most: int) -> bytes:
    """Return what was sent, unless it is too large or too slow."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or int(said) > most:
        raise TooLargeError(f"{said[:20]} bytes: at most {most // 2**20 or 1} MiB are taken")
    content = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                content += chunk
                if len(content) > most:
                    raise TooLargeError(f"more than {most} bytes")
    except TimeoutError:
        raise TooLargeError(f"the rest did not come within {_PATIENCE:.0f} seconds") from None
    return bytes(content)


async def _values(request: Request, wanted: Mapping[str, type], **given: Any) -> dict[str, Any]:
    """Return the JSON that was sent, with these keys and types exactly; `given` is what need not be said."""
    try:
        values = {**given, **json.loads(await _body(request, _LARGEST_JSON))}
        numbers = [each for value in values.values() if isinstance(value, list) for each in value]
    except (ValueError, TypeError, RecursionError):
        values, numbers = {}, []
    fits = values.keys() == wanted.keys() and all(type(values[key]) is kind for key, kind in wanted.items())
    if not fits or not all(type(number) is int for number in numbers):
        raise HTTPException(
            400, f"wanted JSON of {', '.join(f'{key}: {kind.__name__}' for key, kind in wanted.items())}"
        )
    return values


# ---------------------------------------------------------------------------------------------------------------------
# Answers


async def _file(files: dict[str, Path], name: str) -> Response:
    if name not in files:
        raise HTTPException(404, "no such page")
    path = files[name]
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    return Response(await asyncio.to_thread(path.read_bytes), media_type=kind, headers={"cache-control": "no-cache"})


def _json(values: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return values as JSON in ASCII: a file's name may hold what UTF-8 cannot."""
    return Response(json.dumps(values, allow_nan=False), status, headers, "application/json")


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


async def _refused(_: Request, error: Exception) -> Response:
    known = {UnknownNameError: 404, TooLargeError: 413, BusyError: 503}
    status = next((code for kind, code in known.items() if isinstance(error, kind)), 400)
    headers = {"connection": "close"} if status == 413 else None  # or the rest would be read for nothing
    return _json({"error": str(error)}, status, headers)


async def _malformed(_: Request, error: Exception) -> Response:
    return _json({"error": "no such address"}, 404)


async def _plain(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": str(error.detail)}, error.status_code)


async def _broken(_: Request, error: Exception) -> Response:
    return _json({"error": f"a bug of the viewer, {type(error).__name__}; the terminal tells more"}, 500)
