/* Checks what every program expects of its file system; built static, dynamic and with musl. Usage: small HOST_FILE */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
	char text[64] = "";
	int fd = open("/etc/greeting", O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof text) != 6 || strcmp(text, "hello\n") != 0) return printf("greeting: %s\n", strerror(errno)), 1;
	if (argc > 1 && open(argv[1], O_RDONLY) >= 0) return puts("a host file is there"), 1;
	fd = open("/written", O_CREAT | O_EXCL | O_RDWR, 0644);
	if (fd < 0 || write(fd, "abc", 3) != 3) return printf("write: %s\n", strerror(errno)), 1;
	pid_t pid = fork();
	if (pid == 0) { /* one view for parent and child */
		struct stat st;
		_exit(stat("/written", &st) == 0 && st.st_size == 3 && unlink("/written") == 0 ? 0 : 1);
	}
	int status = -1;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) return printf("child: %d\n", status), 1;
	if (access("/written", F_OK) == 0) return puts("the child's unlink is not seen"), 1;
	puts("small: ok");
	return 0;
}
