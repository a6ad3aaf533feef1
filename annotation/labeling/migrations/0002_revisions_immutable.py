"""A submitted revision never changes: a trigger refuses UPDATE and DELETE."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER revision_immutable BEFORE UPDATE OR DELETE ON labeling_revision
    FOR EACH ROW EXECUTE FUNCTION firstread_refuse_change();
"""
BACKWARD = "DROP TRIGGER revision_immutable ON labeling_revision;"


class Migration(migrations.Migration):
    dependencies = [("labeling", "0001_initial"), ("core", "0002_audit_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
