"""Targets of every kind: what is drawn, numbers, times; predictions hold what their task gives."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("learning", "0002_two_speeds")]

    operations = [
        migrations.RenameField("prediction", "probabilities", "values"),
        migrations.RemoveConstraint(
            model_name="target",
            name="target_unique_question",
        ),
        migrations.AddField(
            model_name="modelversion",
            name="architecture",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="task",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="modelversion",
            name="thresholds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.FloatField(), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="prediction",
            name="components",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="prediction",
            name="content",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="prediction",
            name="propensity",
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name="target",
            name="input",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="target",
            name="kind",
            field=models.CharField(
                choices=[
                    ("one", "One"),
                    ("many", "Many"),
                    ("ordinal", "Ordinal"),
                    ("number", "Number"),
                    ("time_to_event", "Time To Event"),
                    ("segmentation", "Segmentation"),
                    ("boxes", "Boxes"),
                ],
                default="one",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="target",
            name="options",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name="modelversion",
            name="classes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=80), size=None
            ),
        ),
        migrations.AlterField(
            model_name="prediction",
            name="values",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.FloatField(), default=list, size=None
            ),
        ),
        migrations.AlterField(
            model_name="target",
            name="question",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddConstraint(
            model_name="target",
            constraint=models.UniqueConstraint(
                fields=("project", "kind", "question", "options"), name="target_unique"
            ),
        ),
    ]
