"""Frames whose decoding was mended are prepared once more: colour of more than 8 bits, retired kinds of
JPEG, and HTJ2K with loss."""

from django.db import migrations

DEEP_COLOUR_IS_MISREAD = """
UPDATE archive_instance SET misread_by_browsers = 'colour of 16 bits'
WHERE frame_index IS NOT NULL AND bits_allocated > 8
AND dicom_json #>> '{00280002,Value,0}' NOT IN ('0', '1')
"""
RETIRED_JPEG_IS_MISREAD = """
UPDATE archive_instance SET misread_by_browsers = 'JPEG of 12 bits'
WHERE frame_index IS NOT NULL AND misread_by_browsers = ''
AND transfer_syntax_uid IN ('1.2.840.10008.1.2.4.53', '1.2.840.10008.1.2.4.55')
"""
FORGET = """
DELETE FROM archive_preparedframes AS prepared USING archive_instance AS instance
WHERE prepared.instance_id = instance.id AND (
    instance.misread_by_browsers = 'colour of 16 bits' OR instance.transfer_syntax_uid IN
    ('1.2.840.10008.1.2.4.53', '1.2.840.10008.1.2.4.55', '1.2.840.10008.1.2.4.203'))
"""
PREPARE_AGAIN = """
UPDATE archive_seriespreparation AS preparation
SET state = 'pending', attempt = 0, finished_at = NULL
FROM archive_instance AS instance
WHERE preparation.state = 'completed' AND instance.series_id = preparation.series_id AND (
    instance.misread_by_browsers = 'colour of 16 bits' OR instance.transfer_syntax_uid IN
    ('1.2.840.10008.1.2.4.53', '1.2.840.10008.1.2.4.55', '1.2.840.10008.1.2.4.203'))
"""


class Migration(migrations.Migration):
    dependencies = [("archive", "0003_near_duplicates")]

    operations = [
        migrations.RunSQL(sql, migrations.RunSQL.noop)
        for sql in (DEEP_COLOUR_IS_MISREAD, RETIRED_JPEG_IS_MISREAD, FORGET, PREPARE_AGAIN)
    ]
