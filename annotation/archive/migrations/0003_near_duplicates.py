"""The perceptual hash of every series; what is prepared already is prepared once more to get one."""

from django.db import migrations, models

PREPARE_AGAIN = """
UPDATE archive_seriespreparation SET state = 'pending', attempt = 0, finished_at = NULL
WHERE state = 'completed' AND thumbnail_sha256 <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("archive", "0002_counts_and_preparation")]

    operations = [
        migrations.AddField(
            model_name="seriespreparation",
            name="image_hash",
            field=models.BinaryField(max_length=40, null=True),
        ),
        migrations.RunSQL(PREPARE_AGAIN, migrations.RunSQL.noop),
    ]
