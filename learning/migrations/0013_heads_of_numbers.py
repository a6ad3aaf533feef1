from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0012_pause"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="outcome", name="outcome_answer_or_labels"),
        migrations.RenameField(model_name="outcome", old_name="probabilities", new_name="said"),
        migrations.AddField(
            model_name="outcome", name="number", field=models.FloatField(null=True)
        ),
        migrations.AddField(
            model_name="headversion",
            name="unit",
            field=models.CharField(blank=True, default="", max_length=20),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="outcome",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answer", ""), ("labels__isnull", False), ("number__isnull", True)),
                    models.Q(("answer", ""), ("labels__isnull", True), ("number__isnull", False)),
                    models.Q(
                        models.Q(("answer", ""), _negated=True),
                        ("labels__isnull", True),
                        ("number__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="outcome_one_answer",
            ),
        ),
    ]
