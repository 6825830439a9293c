/* A directory of a volume that is swapped for a symlink to the host while it is used: no call ever reaches the link's target on the host.
 * Usage: race VOLUME PLANTED — PLANTED is a host directory outside the image with a file "file" that holds "planted". */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>

static atomic_bool stop;
static char link_path[PATH_MAX], directory[PATH_MAX];

static void *swap(void *unused) {
	(void)unused;
	while (!stop) syscall(SYS_renameat2, AT_FDCWD, directory, AT_FDCWD, link_path, 2 /* RENAME_EXCHANGE */);
	return NULL;
}

int main(int argc, char **argv) {
	if (argc != 3) return 2;
	char file[PATH_MAX], made[PATH_MAX], text[64];
	struct stat st;
	snprintf(directory, sizeof directory, "%s/swapped", argv[1]);
	snprintf(link_path, sizeof link_path, "%s/link", argv[1]);
	snprintf(file, sizeof file, "%s/swapped/file", argv[1]);
	snprintf(made, sizeof made, "%s/swapped/made", argv[1]);
	CHECK(mkdir(directory, 0777) == 0 && symlink(argv[2], link_path) == 0);
	int fd = open(file, O_WRONLY | O_CREAT, 0666);
	CHECK(fd >= 0 && write(fd, "volume", 6) == 6 && close(fd) == 0);
	pthread_t thread;
	CHECK(pthread_create(&thread, NULL, swap, NULL) == 0);
	int opened = 0, refused = 0, planted = 0, odd = 0;
	for (int i = 0; i < 4000; i++) {
		fd = open(file, O_RDWR);
		if (fd >= 0) {
			ssize_t n = read(fd, text, sizeof text - 1);
			text[n > 0 ? n : 0] = 0;
			planted += strstr(text, "planted") != NULL;
			opened++;
			close(fd);
		} else if (errno == ENOENT || errno == ELOOP || errno == ENOTDIR)
			refused++;
		else
			odd++;
		if (stat(file, &st) == 0 && st.st_size != 6) planted++;
		truncate(file, 6);
		chmod(file, 0666);
		fd = open(made, O_WRONLY | O_CREAT, 0666);
		if (fd >= 0) close(fd);
		unlink(made);
		mkdir(made, 0777);
		rmdir(made);
		DIR *list = opendir(directory);
		for (struct dirent *e; list != NULL && (e = readdir(list)) != NULL;) planted += strcmp(e->d_name, "only-planted") == 0;
		if (list != NULL) closedir(list);
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK(opened > 0);
	CHECK(planted == 0);
	CHECK(odd == 0);
	printf("%d passed, %d failed\n", check_passed, check_failed);
	return check_failed != 0;
}
