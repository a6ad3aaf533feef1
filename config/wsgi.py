"""The WSGI entry point that granian serves."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("FIRSTREAD_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from annotation.dicomweb.express import FrameExpress  # noqa: E402  needs Django to be set up

application = FrameExpress(django_application)
