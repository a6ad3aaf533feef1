"""App configuration."""

from django.apps import AppConfig


class DicomwebConfig(AppConfig):
    name = "annotation.dicomweb"
    label = "dicomweb"
