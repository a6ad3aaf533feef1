"""WADO-URI: one object named by query parameters (PS3.18 §9), for older viewers."""

import re

from django.http import HttpResponseBase, QueryDict

from annotation.core.errors import InvalidInput, NotFound
from annotation.dicomweb import frames, pictures, wado
from annotation.dicomweb.gate import Scope, dicomweb
from annotation.dicomweb.negotiation import DICOM, EXPLICIT_LE, choose_type, parse_accept

UID = re.compile("[0-9.]{1,64}")
REQUIRED = ("studyUID", "seriesUID", "objectUID")
CONTENT_TYPES = ("image/jpeg", DICOM, "image/png", "image/gif")


@dicomweb
def retrieve(scope: Scope) -> HttpResponseBase:
    """The object as a picture (the default where it is an image) or as a DICOM file."""
    parameters = scope.request.GET
    if parameters.get("requestType") != "WADO":
        raise InvalidInput("requestType must be WADO.", field="requestType")
    for name in REQUIRED:
        if not parameters.get(name):
            raise InvalidInput(f"{name} is missing.", field=name)
        if not UID.fullmatch(parameters[name]):
            raise NotFound
    found = scope.instance(*(parameters[name] for name in REQUIRED))
    wanted = parameters.get("contentType") or scope.request.headers.get("Accept", "")
    is_image = found.frame_index is not None and not found.unrenderable_reason
    offered = CONTENT_TYPES if is_image else (DICOM,)
    media_type = choose_type(parse_accept(wanted), offered)
    if media_type == DICOM:
        syntax = parameters.get("transferSyntax") or EXPLICIT_LE
        if syntax not in ("*", EXPLICIT_LE, found.transfer_syntax_uid):
            raise InvalidInput(f"transferSyntax is * or {EXPLICIT_LE}.", field="transferSyntax")
        return wado.single_instance(scope, found, "*" if syntax != EXPLICIT_LE else syntax)
    numbers = frames.parse_numbers(
        parameters.get("frameNumber", "1"), frames.source_of(found).index.count
    )
    options = pictures.parse_options(_as_rendered_parameters(parameters))
    return pictures.picture_response(scope.request, found, numbers[:1], media_type, options)


def _as_rendered_parameters(parameters: QueryDict) -> QueryDict:
    """The parameters of §9.1.2.2 by the names that WADO-RS has for them."""
    same = QueryDict(mutable=True)
    if "windowCenter" in parameters or "windowWidth" in parameters:
        center, width = parameters.get("windowCenter", ""), parameters.get("windowWidth", "")
        same["window"] = f"{center},{width}"
    if "rows" in parameters or "columns" in parameters:
        rows, columns = parameters.get("rows", ""), parameters.get("columns", "")
        same["viewport"] = f"{columns or pictures.MAX_SIDE},{rows or pictures.MAX_SIDE}"
    if quality := parameters.get("imageQuality"):
        same["quality"] = quality
    return same
