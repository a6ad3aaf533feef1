# One file, two images: `web` without torch, `worker` with it.
FROM node:22-bookworm-slim AS frontend
WORKDIR /build
COPY frontend/package.json frontend/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY frontend/ ./
RUN npm run build

FROM python:3.12-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN useradd --system --uid 10001 --create-home firstread \
    && mkdir -p /data && chown firstread /data
WORKDIR /app
COPY requirements.lock pyproject.toml ./
RUN pip install -c requirements.lock .
COPY manage.py ./
COPY config/ config/
COPY annotation/ annotation/
COPY learning/ learning/
ENV FIRSTREAD_DATA=/data FRONTEND_DIST=/app/frontend
ARG REVISION=unknown
ENV FIRSTREAD_REVISION=$REVISION
VOLUME /data

FROM base AS web
COPY --from=frontend /build/dist/ frontend/
ENV FIRSTREAD_PROCESS=web
USER firstread
EXPOSE 8000
CMD ["python", "-m", "config.web", "--interface", "wsgi", "config.wsgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--workers", "2", "--blocking-threads", "4", "--no-ws", "--respawn-failed-workers"]

FROM base AS worker
# torch first and alone: what needs it must find it installed.
RUN pip install -c requirements.lock torch && pip install -c requirements.lock ".[worker]"
ENV FIRSTREAD_PROCESS=worker
USER firstread
CMD ["celery", "-A", "config", "worker", "--pool", "threads", "--queues", "default"]
