"""`manage.py list_users`: every account, when it was last used, and which are disabled."""

from typing import Any

from django.core.management.base import BaseCommand

from annotation.accounts.models import User


class Command(BaseCommand):
    help = "List the accounts."

    def handle(self, *args: Any, **options: Any) -> None:
        del args, options
        for user in User.objects.order_by("username"):
            about = [user.get_full_name(), user.email, _last_seen(user)]
            about += ["may create projects"] if user.may_create_projects else []
            about += [] if user.is_active else ["disabled"]
            self.stdout.write(f"{user.username}: {', '.join(filter(None, about))}")


def _last_seen(user: User) -> str:
    return f"signed in {user.last_login:%Y-%m-%d}" if user.last_login else "never signed in"
