"""Keeps what users prefer."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Preferences",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("keys", models.JSONField(default=dict)),
                (
                    "language",
                    models.CharField(
                        blank=True, choices=[("en", "En"), ("de", "De")], max_length=2
                    ),
                ),
                (
                    "theme",
                    models.CharField(
                        blank=True, choices=[("dark", "Dark"), ("light", "Light")], max_length=5
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="preferences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "preferences",
            },
        ),
    ]
