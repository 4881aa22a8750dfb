"""The routes: each address is one call of the service, by ids that the service gave out; none becomes a path."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response, StreamingResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from dreamfilters.errors import DreamfiltersError, OutputError, UnknownNameError
from dreamfilters.runs.storage.file_names import readable
from dreamfilters.viewer.messages import BusyError
from dreamfilters.viewer.server.access import Access, Gate
from dreamfilters.viewer.server.request_bodies import TooLargeError, read_body, read_json
from dreamfilters.viewer.services.image_store import MAX_UPLOAD
from dreamfilters.viewer.services.live_service import MAX_FRAME
from dreamfilters.viewer.services.service import Service

STATIC = Path(__file__).parents[1] / "static"
_MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
_IMAGE_TYPES = {".png": "image/png", ".gif": "image/gif", ".jpg": "image/jpeg"}
_DREAM = {"layer": str, "unit": int, "recipe": str}
_IMAGE, _THUMBNAIL = 1024, 96  # pixels
# A report is a file of its own, with its own scripts: it may not use the viewer's address.
_REPORT_POLICY = (
    "sandbox allow-scripts allow-popups; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def application(service: Service, access: Access) -> ASGIApp:
    """Return the ASGI application: the routes of the service behind the access gate."""
    app = FastAPI(lifespan=lambda _: service.running(), openapi_url=None, docs_url=None, redoc_url=None)
    for add in (_add_methods, _add_pages, _add_images, _add_units_and_dreams):
        add(app, service)
    handlers = {
        DreamfiltersError: _on_error, RequestValidationError: _on_invalid, HTTPException: _on_http_error,
        Exception: _on_bug,
    }  # fmt: skip
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)
    return Gate(app, access)


def _add_methods(app: FastAPI, service: Service) -> None:
    """Add the routes that only return the value of a method, whose parameters are those of the address."""
    images, units, dreams = service.images, service.units, service.dreams
    routes: list[tuple[str, str, Callable[..., Any], Callable[[Any], Response]]] = [
        ("GET", "/api/images/{image}/input.png", images.network_input_png, _png),
        ("GET", "/api/images/{image}/mask.png", images.mask_png, _png),
        ("GET", "/api/images/{image}", images.info, _json),
        ("POST", "/api/images/{image}/remove", images.remove, _json),
        ("GET", "/api/predictions/{image}", images.predictions, _json),
        ("GET", "/api/maps/{layer}/{image}", images.layer_maps, _json),
        ("GET", "/api/maps/{layer}/{image}/sheet.bin", images.map_sheet, _binary),
        ("GET", "/api/maps/{layer}/{image}/{unit}", images.unit_map, _json),
        ("GET", "/api/heatmaps/{layer}/{unit}/{image}", service.explanations.heatmap, _json),
        ("GET", "/api/trust/{layer}/{unit}/{image}", service.explanations.trust, _json),
        ("POST", "/api/trust/{layer}/{unit}/{image}/cancel", service.explanations.cancel_trust, _json),
        ("GET", "/api/logits/{unit}/{image}", service.explanations.logit_units, _json),
        ("GET", "/api/receptive-fields/{layer}", images.receptive_field, _json),
        ("GET", "/api/verdicts/{layer}", units.verdicts, _json),
        ("GET", "/api/units/{layer}/{unit}", units.unit, _json),
        ("GET", "/api/units/{layer}/{unit}/crops/{rank}.png", units.patch_png, _png),
        ("GET", "/api/dreams", dreams.listed, _json),
        ("POST", "/api/dreams/{dream}/cancel", dreams.cancel, _json),
        ("POST", "/api/dreams/{dream}/save", dreams.save, _json),
        ("GET", "/api/dreams/sheet/{layer}", dreams.sheet, _json),
        ("GET", "/api/dreams/sheet/{layer}/sheet.png", dreams.sheet_png, _png),
        ("GET", "/api/dreams/{dream}/image.png", dreams.png, _png),
        ("GET", "/api/dreams/{dream}/thumb.png", dreams.thumbnail, _png),
        ("GET", "/api/dreams/{dream}/map", dreams.unit_map, _json),
        ("GET", "/api/dreams/{dream}/prior-check", dreams.prior_check, _json),
        ("GET", "/api/dreams/{dream}/prior-check.png", dreams.prior_check_png, _png),
        ("GET", "/api/dreams/{dream}/measures", units.measures, _json),
        ("GET", "/api/units/{layer}/{unit}/thumb.png", units.thumbnail_png, _png),
        ("GET", "/api/overview", service.overview.overview, _json),
        ("GET", "/api/evaluation", service.evaluation.summary, _json),
        ("GET", "/api/evaluation/cells/{label}/{predicted}", service.evaluation.cell, _json),
        ("GET", "/api/evaluation/separations/{first}/{second}", service.evaluation.separation, _json),
        ("GET", "/api/embedding", service.embedding.summary, _json),
        ("GET", "/api/embedding/sheets/{number}.jpg", service.embedding.sheet, _jpeg),
        ("GET", "/api/classes/{number}", service.classes.summary, _json),
        ("GET", "/api/classes/{number}/units", service.classes.units, _json),
        ("POST", "/api/jobs/{job}/cancel", service.jobs.cancel, _json),
        ("GET", "/api/jobs/{job}/snapshot.png", service.jobs.snapshot_png, _png),
        ("POST", "/api/form-search", service.form_search.start, _json),
        ("POST", "/api/form-search/cancel", service.form_search.cancel, _json),
        ("POST", "/api/form-search/apply", service.form_search.apply, _json),
    ]
    for kind, address, method, response in routes:
        app.add_api_route(address, _endpoint(method, response), methods=[kind], response_model=None)


def _endpoint(method: Callable[..., Any], response: Callable[[Any], Response]) -> Callable[..., Any]:
    """Return an endpoint with the parameters of `method`, which FastAPI reads from its signature."""

    @functools.wraps(method)
    async def endpoint(**arguments: Any) -> Response:
        value = method(**arguments)
        return response(await value if inspect.isawaitable(value) else value)

    return endpoint


def _add_pages(app: FastAPI, service: Service) -> None:
    files = {path.relative_to(STATIC).as_posix(): path for path in STATIC.rglob("*") if path.is_file()}

    @app.get("/static/{name:path}")
    async def static(name: str) -> Response:
        if name not in files:
            raise HTTPException(404, "no such page")
        content = await asyncio.to_thread(files[name].read_bytes)
        kind = _MEDIA_TYPES.get(files[name].suffix, "text/plain")
        return Response(content, media_type=kind, headers={"cache-control": "no-cache"})

    @app.get("/")
    async def index() -> Response:
        return await static("index.html")

    @app.get("/api/state")
    async def state() -> Response:
        return _json({**service.state(), "images": service.images.listed()})

    @app.get("/api/events")
    async def events() -> Response:
        stream = service.hub.listen(service.first_events)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def _add_images(app: FastAPI, service: Service) -> None:
    @app.get("/api/images/{image}/image.png")
    async def png(image: str) -> Response:
        return _png(await service.images.png(image, _IMAGE))

    @app.get("/api/images/{image}/thumb.png")
    async def thumbnail(image: str) -> Response:
        return _png(await service.images.png(image, _THUMBNAIL))

    @app.post("/api/images")
    async def add(request: Request) -> Response:
        content = await read_body(request, MAX_UPLOAD)
        return _json(await service.images.add(content, request.headers.get("x-name", "")))

    @app.post("/api/frames")
    async def camera_frame(request: Request) -> Response:
        return _json(await service.images.set_camera_frame(await read_body(request, MAX_FRAME)))

    @app.post("/api/live/{layer}/{unit}")
    async def live_frame(
        request: Request, layer: str, unit: int, method: str = "", change: str = "", drawn: str = ""
    ) -> Response:
        content = await read_body(request, MAX_FRAME)
        return _json(await service.live.frame(content, layer, unit, method, change, drawn))


def _add_units_and_dreams(app: FastAPI, service: Service) -> None:
    @app.get("/api/units/{layer}/{unit}/download.json")
    async def download(layer: str, unit: int) -> Response:
        values = await service.units.unit(layer, unit)
        text = json.dumps(values, indent=1)
        return _download(text.encode(), "application/json", f"{readable(values['target'], 'unit')}.json")

    @app.post("/api/jobs")
    async def start_job(request: Request) -> Response:
        kinds = {"kind": str, "layer": str, "units": list, "method": str, "dreams": bool}
        values = await read_json(request, kinds, layer="", units=[], method="pca", dreams=False)
        return _json(await service.jobs.start(**values))

    @app.post("/api/techniques/{name}")
    async def start_technique(request: Request, name: str) -> Response:
        kinds = {"image": str, "layer": str, "unit": int, "values": dict}
        values = await read_json(request, kinds, image="", layer="", unit=0, values={})
        return _json(await service.techniques.start(name, **values))

    @app.get("/api/jobs/{job}/files/{name:path}")
    async def job_file(job: str, name: str) -> Response:
        content = await service.jobs.file(job, name)
        if name.endswith(".html"):
            return Response(content, media_type="text/html", headers={"content-security-policy": _REPORT_POLICY})
        kind = _IMAGE_TYPES.get(Path(name).suffix, "application/octet-stream")
        return _download(content, kind, re.sub(r"[^A-Za-z0-9._-]", "-", name))

    @app.post("/api/dreams")
    async def start(request: Request) -> Response:
        values = await read_json(request, {**_DREAM, "seed": int}, recipe="", seed=0)
        return _json(await service.dreams.start(**values))

    @app.post("/api/form-search/save")
    async def save_form(request: Request) -> Response:
        return _json(await service.form_search.save(**await read_json(request, {"force": bool})))

    @app.post("/api/dreams/background")
    async def dream_in_background(request: Request) -> Response:
        values = await read_json(request, {"layer": str, "units": list})
        return _json(await service.dreams.start_in_background(**values))

    @app.post("/api/dreams/compile")
    async def compile_dream(request: Request) -> Response:
        return _json(await service.dreams.compile(**await read_json(request, _DREAM)))


# ---------------------------------------------------------------------------------------------------------------------
# Responses


def _json(values: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return values as ASCII JSON, since a file name may hold characters that UTF-8 cannot encode."""
    return Response(json.dumps(values, allow_nan=False), status, headers, "application/json")


def _binary(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream")


def _png(content: bytes) -> Response:
    return Response(content, media_type="image/png")


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg")


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


async def _on_error(_: Request, error: Exception) -> Response:
    statuses = {UnknownNameError: 404, TooLargeError: 413, BusyError: 503, OutputError: 500}
    status = next((code for kind, code in statuses.items() if isinstance(error, kind)), 400)
    headers = {"connection": "close"} if status == 413 else None  # otherwise the server would read the whole body
    return _json({"error": str(error)}, status, headers)


async def _on_invalid(_: Request, error: Exception) -> Response:
    return _json({"error": "no such address"}, 404)


async def _on_http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _json({"error": str(error.detail)}, error.status_code)


async def _on_bug(_: Request, error: Exception) -> Response:
    return _json({"error": f"{type(error).__name__}: a bug in the viewer; its terminal shows the traceback"}, 500)
