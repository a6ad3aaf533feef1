"""An index of what has come lately: every claim asks which studies are still arriving."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("archive", "0004_misread_syntaxes")]

    operations = [
        migrations.AddIndex(
            model_name="seriespreparation",
            index=models.Index(fields=["changed_at"], name="preparation_changed"),
        ),
    ]
