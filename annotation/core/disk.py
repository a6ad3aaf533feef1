"""What counts as a full disk, wherever something is written."""

import errno

# EFBIG: a limit of the file system or of the process; whoever waits must make room for it all the same.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_disk_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in NO_SPACE
