"""Django settings; every knob an operator may turn is read here through `config.env`."""

import json
from pathlib import Path
from typing import Any

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_ROOT = Path(env.text("FIRSTREAD_DATA", str(BASE_DIR / "var"))).resolve()
PROCESS_ROLE = env.text("FIRSTREAD_PROCESS", "command")  # web, worker or command


def _embedded_services() -> dict[str, str]:
    """What a running `manage.py up` published for other terminals; empty where none runs."""
    try:
        published: dict[str, str] = json.loads((DATA_ROOT / "run" / "services.json").read_text())
    except (OSError, ValueError):
        return {}
    return published


_EMBEDDED = _embedded_services()
_NOWHERE = "postgresql://nobody@127.0.0.1:1/firstread"  # only commands that need no database work

DATABASES: dict[str, Any] = {
    "default": {
        **env.database(env.secret("DATABASE_URL") or _EMBEDDED.get("DATABASE_URL") or _NOWHERE),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # For dicomweb.express alone: Django's own cursors never prepare. Where it is set, psycopg
            # keeps the last 100 statements with all their values: in a worker that may be gigabytes.
            "prepare_threshold": 1 if PROCESS_ROLE == "web" else None,
            "options": "-c lock_timeout=10000 -c idle_in_transaction_session_timeout=120000"
            + (" -c statement_timeout=30000" if PROCESS_ROLE == "web" else ""),
        },
    }
}
BROKER_URL = env.secret("BROKER_URL") or _EMBEDDED.get("BROKER_URL") or "redis://127.0.0.1:1/0"
CACHE_URL = env.secret("CACHE_URL") or BROKER_URL.replace("redis+socket://", "unix://")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "firstread",
    }
}


def _secret_key() -> str:
    given = env.secret("SECRET_KEY")
    if given is not None:
        return given
    try:
        return (DATA_ROOT / "secrets" / "secret_key").read_text().strip()
    except OSError:
        # Checks, lint and schema commands run before the first start; core.E001 stops servers.
        return "insecure-no-secret-key-yet"


SECRET_KEY = _secret_key()
CREDENTIALS_KEY = env.secret("CREDENTIALS_KEY") or SECRET_KEY  # seals what core.secretbox stores
DEBUG = env.flag("DEBUG", default=False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [])
BEHIND_TLS = env.flag("BEHIND_TLS", default=False)

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "corsheaders",
    "knox",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "config",
    "annotation.core",
    "annotation.accounts",
    "annotation.archive",
    "annotation.labeling",
    "annotation.datasets",
    "annotation.dicomweb",
    "learning",
]
MIDDLEWARE = [
    "annotation.core.middleware.SecurityHeaders",
    "corsheaders.middleware.CorsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "annotation.core.middleware.DatabaseOutage",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

# Sign-in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_ADAPTER = "annotation.accounts.adapter.ClosedSignupAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "30/m/ip,5/15m/key",
    "change_password": "5/15m/user",  # of guesses at the present one
}
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("browser",)
HEADLESS_FRONTEND_URLS: dict[str, str] = {}
REST_KNOX = {
    "TOKEN_TTL": None,
    "TOKEN_LIMIT_PER_USER": 20,
    "AUTH_HEADER_PREFIX": "Token",
}
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
if BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 31_536_000

# Other viewers in a browser: only DICOMweb, only listed origins, only with a token (no cookies)
CORS_ALLOWED_ORIGINS = env.words("CORS_ALLOWED_ORIGINS", [])
CORS_URLS_REGEX = r"^/dicomweb(/|$)"
CORS_ALLOW_METHODS = ["GET", "HEAD", "OPTIONS", "POST"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "range"]
CORS_EXPOSE_HEADERS = ["Content-Range", "ETag", "Warning", "Content-Location"]
CORS_PREFLIGHT_MAX_AGE = 86_400

# API
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "annotation.accounts.authentication.CookieSession",
        "annotation.accounts.authentication.PersonalToken",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "annotation.core.pagination.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "annotation.core.problems.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Firstread",
    "DESCRIPTION": "Label medical images; the model shows the most informative study first.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "annotation.labeling.models.Role",
        "SplitEnum": "annotation.datasets.models.Split",
        "JobStateEnum": "annotation.core.jobs.JobState",
        "CaseStateEnum": "annotation.labeling.models.CaseState",
        "AnnotationStateEnum": "annotation.labeling.models.AnnotationState",
        "SelectionEnum": "annotation.labeling.models.Selection",
        "ModelVersionStateEnum": "learning.models.ModelVersionState",
        "VerdictEnum": "annotation.labeling.models.Verdict",
        "MarkKindEnum": "annotation.labeling.models.MarkKind",
        "QuestionKindEnum": "annotation.labeling.schemas.definition.KINDS",
        "TargetKindEnum": "learning.models.TargetKind",
        "ExplanationMethodEnum": "learning.models.Method",
        "StrategyEnum": "learning.acquisition.names.ALL_CHOICES",
        "HeadStrategyEnum": "learning.acquisition.names.HEAD_CHOICES",
        "FigureEnum": "learning.kinds.FIGURE_CHOICES",
        "NotAVolumeEnum": "annotation.imaging.volume.NotAVolume",
        "HangingPlaneEnum": "annotation.labeling.schemas.hanging.PLANES",
        "DirectionEnum": "annotation.labeling.models.Direction",
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 20 * 2**20  # one annotation draft; STOW streams past this

# Files
BLOB_ROOT = DATA_ROOT / "blobs"
EXPORT_ROOT = DATA_ROOT / "exports"
MODEL_ROOT = DATA_ROOT / "models"
INCOMING_ROOT = DATA_ROOT / "incoming"
EXPLANATION_ROOT = DATA_ROOT / "cache" / "explanations"
EXPLANATION_CACHE_BYTES = env.integer("EXPLANATION_CACHE_MIB", 512) << 20
LARGEST_BUNDLE_BYTES = env.integer("LARGEST_BUNDLE_MIB", 2048) << 20
# Weights to start from: files of a folder that the administrator fills, and a hub if it is allowed
MODEL_SOURCES = env.text("MODEL_SOURCES", "")
MODEL_HUB = env.flag("MODEL_HUB", default=False)
MODEL_HUB_ENDPOINT = env.text("MODEL_HUB_ENDPOINT", "")  # a mirror instead of the public hub
# Where finished rounds are told, besides the product itself (learning/tracking.py)
TRACKERS = env.choices("TRACKERS", ("mlflow", "tensorboard", "wandb"))
TRACKER_EXPERIMENT = env.text("TRACKER_EXPERIMENT", "firstread")
TENSORBOARD_DIR = env.text("TENSORBOARD_DIR", str(DATA_ROOT / "tensorboard"))
MLFLOW_TRACKING_URI = env.text("MLFLOW_TRACKING_URI", "")
# nginx sends stored files itself (deploy/nginx.conf); off where no nginx stands in front.
ACCEL_REDIRECT = env.flag("ACCEL_REDIRECT", default=False)
STATIC_URL = "/static/"
FRONTEND_DIST = Path(env.text("FRONTEND_DIST", str(BASE_DIR / "frontend" / "dist")))
WHITENOISE_ROOT = FRONTEND_DIST if FRONTEND_DIST.is_dir() else None
WHITENOISE_INDEX_FILE = False


def _is_hashed_asset(path: str, url: str) -> bool:
    del path
    return url.startswith("/assets/")  # Vite puts a content hash into every name there


WHITENOISE_IMMUTABLE_FILE_TEST = _is_hashed_asset

# Background work: the broker is a doorbell, job rows are the truth (docs/explanation/jobs.md)
CELERY_BROKER_URL = BROKER_URL
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "learning.tasks.run_round": {"queue": "gpu"},
    "learning.tasks.score_shards": {"queue": "gpu"},
    "learning.tasks.score_arrivals": {"queue": "gpu"},
    "learning.tasks.embed_cases": {"queue": "gpu"},
    "learning.tasks.pretrain_network": {"queue": "gpu"},
    "learning.tasks.run_cross_validation": {"queue": "gpu"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
JOB_LEASE_SECONDS = env.integer("JOB_LEASE_SECONDS", 60)
JOB_SWEEP_SECONDS = env.integer("JOB_SWEEP_SECONDS", 15)
# Processes that train one network together: a number, or one per CUDA device of the worker
TRAINING_PROCESSES = env.count_or("TRAINING_PROCESSES", "1", "auto")
# Of the claims of a ranked project, drawn at random whatever its own share is: below, no figure can be
# trusted. Tests that need every claim in the order of the ranking set 0.
LEAST_AUDIT_PERCENT = env.integer("LEAST_AUDIT_PERCENT", 10)
SCORING_SHARD_CASES = env.integer("SCORING_SHARD_CASES", 0)
# A study that received an object within these seconds is still arriving: models wait. Tests set 0.
STUDY_QUIET_SECONDS = env.integer("STUDY_QUIET_SECONDS", 60)
CELERY_BEAT_SCHEDULE = {
    "sweep-jobs": {"task": "learning.tasks.sweep_jobs", "schedule": JOB_SWEEP_SECONDS},
    "expire-assignments": {
        "task": "annotation.labeling.tasks.expire_assignments",
        "schedule": 30,
    },
    "prepare-series": {
        "task": "annotation.dicomweb.tasks.prepare_series",
        "schedule": 3,
        "options": {"expires": 3},
    },
    "refit-due-heads": {
        "task": "learning.tasks.refit_due_heads",
        "schedule": 1,
        "options": {"expires": 2},
    },
    "queue-due-encoders": {"task": "learning.tasks.queue_due_encoders", "schedule": 10},
    "queue-due-scorings": {"task": "learning.tasks.queue_due_scorings", "schedule": 60},
    "ask-due-slices": {"task": "learning.tasks.ask_due_slices", "schedule": 30},
    "start-due-rounds": {"task": "learning.tasks.start_due_rounds", "schedule": 15},
    "collect-leftovers": {"task": "learning.tasks.collect_leftovers", "schedule": 3600},
    "collect-explanations": {"task": "learning.tasks.collect_explanations", "schedule": 600},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "event": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "event"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        # Below these levels they log addresses with the names of patients who were searched for.
        "dicomweb_client": {"level": "ERROR"},
        "urllib3": {"level": "ERROR"},
    },
}
