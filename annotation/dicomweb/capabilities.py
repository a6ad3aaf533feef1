"""Retrieve Capabilities (PS3.18 §8.9): what this server answers, as WADL."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as Xml

from django.http import HttpResponse

from annotation.dicomweb.gate import Scope, View, dicomweb
from annotation.dicomweb.negotiation import choose_type, parse_accept

WADL = "application/vnd.sun.wadl+xml"
NAMESPACE = "http://wadl.dev.java.net/2009/02"
Xml.register_namespace("wadl", NAMESPACE)
Resources = Callable[[], list[Any]]


def describe(resources: Resources) -> View:
    """A view that lists the routes of the URL configuration with their methods."""

    @dicomweb
    def capabilities(scope: Scope) -> HttpResponse:
        choose_type(parse_accept(scope.accept), (WADL, "application/xml", "text/xml"))
        return HttpResponse(_wadl(scope.base_url, resources()), content_type=WADL)

    return capabilities


def _wadl(base_url: str, resources: list[Any]) -> bytes:
    root = Xml.Element(f"{{{NAMESPACE}}}application")
    listed = Xml.SubElement(root, f"{{{NAMESPACE}}}resources", base=f"{base_url}/")
    for pattern in resources:
        path = str(pattern.pattern).replace("<uid:", "{").replace("<str:", "{").replace(">", "}")
        resource = Xml.SubElement(listed, f"{{{NAMESPACE}}}resource", path=path)
        for method in pattern.callback.methods:
            Xml.SubElement(resource, f"{{{NAMESPACE}}}method", name=method)
    return bytes(Xml.tostring(root, encoding="utf-8", xml_declaration=True))
