"""Wiring: settings, URLs, Celery, embedded services. Nothing imports this package but Django."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
