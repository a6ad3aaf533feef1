"""Who people are: users, sign-in sessions, personal tokens. Roles live with projects."""
