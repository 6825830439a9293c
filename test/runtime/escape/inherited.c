/* In an image, started with a host directory as descriptors 0 and 7: neither is there any more. Prints "N passed, N failed". */
#include "../ops/check.h"

int main(void) {
	struct stat st;
	FAILS(fcntl(7, F_GETFD), EBADF);
	OK(fstat(0, &st) == 0 && S_ISCHR(st.st_mode));
	FAILS(openat(0, "file", O_RDONLY), ENOTDIR);
	OK(open("/", O_RDONLY | O_DIRECTORY) == 3 || open("/dev/null", O_RDONLY) > 2);
	return check_end();
}
