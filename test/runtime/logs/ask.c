/* Uses each PATH as a program would: opens and reads it, lists a directory, follows a link, looks at it. Usage: ask PATH… ; a leading + makes it created, a leading @ is connected to. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void ask(const char *path) {
	char text[256];
	struct stat st;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	if (path[0] == '@') {
		strncpy(address.sun_path, path + 1, sizeof address.sun_path - 1);
		connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
		return;
	}
	int fd = path[0] == '+' ? open(path + 1, O_RDWR | O_CREAT, 0644) : open(path, O_RDONLY);
	if (fd >= 0) (void)!read(fd, text, sizeof text);
	stat(path, &st);
	(void)!readlink(path, text, sizeof text);
	access(path, R_OK);
	DIR *list = opendir(path);
	while (list != NULL && readdir(list) != NULL) {}
}

int main(int argc, char **argv) {
	for (int round = 0; round < 2; round++)
		for (int i = 1; i < argc; i++) ask(argv[i]);
	/* A child asks the same once more. */
	pid_t child = fork();
	if (child == 0)
		for (int i = 1; i < argc; i++) ask(argv[i]);
	if (child > 0) waitpid(child, NULL, 0);
	return 0;
}
