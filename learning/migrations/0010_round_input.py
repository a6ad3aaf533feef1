"""Rounds keep the input that they began with; those under way take their target's."""

from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def take_input(apps: Any, schema_editor: Any) -> None:
    del schema_editor
    of_target = apps.get_model("learning", "Target").objects.filter(pk=OuterRef("target"))
    rounds = apps.get_model("learning", "Round").objects.filter(state__in=["pending", "running"])
    rounds.update(input=Subquery(of_target.values("input")))


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0009_columns"),
    ]

    operations = [
        migrations.AddField(
            model_name="round",
            name="input",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(take_input, migrations.RunPython.noop),
    ]
