"""The WSGI entry point that granian serves."""

import gc
import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("FIRSTREAD_PROCESS", "web")

from django.core.wsgi import get_wsgi_application

django_application = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402  needs Django to be set up

from annotation.dicomweb.express import FrameExpress  # noqa: E402
from config.balance import balanced, burden  # noqa: E402
from config.bodies import releasing  # noqa: E402

application = balanced(releasing(FrameExpress(django_application)), burden)
get_resolver().url_patterns  # noqa: B018  loads every view now, not in the first request

# What was loaded until now stays for good: without this every full collection looks at all of it,
# 50 ms in the middle of a request.
gc.collect()
gc.freeze()
# A request leaves few cycles and makes thousands of objects: to look for cycles after every 700 of them
# costs a twentieth of storing an image.
gc.set_threshold(20_000, 10, 10)
