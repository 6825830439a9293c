/* What the launcher takes from its environment: options, libraries, volumes, host paths. */
#include "launch.h"

extern const struct bfs_note_desc bfs_launch_note __asm__("binaryfs_note") BFS_HIDDEN;

/* Copies the next item of a colon-separated list into the text area; NULL at the end. *LIST advances. "\:" is a colon, "\\" a backslash. With RIGHT the item is LEFT=RIGHT, divided at its first
 * equals sign without a backslash ("\=" is an equals sign of LEFT): LEFT is returned, *RIGHT is NULL where nothing divides. */
static const char *launch_item(struct launch *l, const char **list, const char **right) {
	const char *p = *list;
	bool left = right != NULL;
	if (left) *right = NULL;
	while (*p == ':') p++;
	if (*p == 0) return NULL;
	char *start = l->text + l->text_used;
	for (; *p != 0 && *p != ':'; p++) {
		bool divides = left && *p == '=';
		if (*p == '\\' && (p[1] == ':' || p[1] == '\\' || (left && p[1] == '='))) p++;
		if (l->text_used + 2 > sizeof l->text)
			bfs_die(125, "list-too-long", "a list of libraries, volumes or host paths is longer than 64 KiB", "", "shorten it");
		l->text[l->text_used++] = divides ? 0 : *p;
		if (divides) {
			left = false;
			*right = l->text + l->text_used;
		}
	}
	l->text[l->text_used++] = 0;
	*list = p;
	return start;
}

/* FILE is what is opened, NAME what messages say. */
static void launch_add_library(struct launch *l, const char *file, const char *path) {
	char why[128];
	struct bfs_lib_config lib;
	long rc = bfs_library_open(file, &lib, why, sizeof why);
	lib.path = path;
	if (rc < 0)
		bfs_die(125, rc == -ENOENT ? "library-missing" : "not-a-library", why, path, "name a library that binaryfs build made, readable by this user");
	for (uint32_t i = 0; i < l->config.lib_count; i++) {
		if (bfs_launch_same_file(lib.fd, l->libs[i].fd)) { /* the launcher's own may be listed too */
			bfs_raw1(__NR_close, lib.fd);
			bfs_raw2(__NR_munmap, lib.image, lib.image_size);
			return;
		}
	}
	if (l->config.lib_count == BFS_MAX_LIBS) bfs_die(125, "too-many-libraries", "more than 64 libraries", path, "pack them into fewer");
	l->libs[l->config.lib_count++] = lib;
}

static void launch_libraries(struct launch *l) {
	/* The very file that runs: its name may stand for a newer build by now. */
	if ((bfs_launch_note.flags & BFS_NOTE_HAS_IMAGE) != 0) launch_add_library(l, "/proc/self/exe", l->carrier_path);
	const char *list = bfs_env_get(l->stack.envp, "SCONE_EXTENSIONS_PATH");
	if (list != NULL)
		for (const char *item; (item = launch_item(l, &list, NULL)) != NULL;) launch_add_library(l, item, item);
	if (l->config.lib_count == 0)
		bfs_die(125, "no-library", "SCONE_EXTENSIONS_PATH names no library", "", "set SCONE_EXTENSIONS_PATH=LIB.so, or run LIB.so CMD");
}

static void launch_add_door(struct launch *l, const char *guest, const char *host, bool volume) {
	if (l->config.door_count == LAUNCH_MAX_DOORS)
		bfs_die(125, "too-many-doors", "more than 128 volumes and host paths", guest, "declare their common directory instead");
	l->doors[l->config.door_count++] = (struct bfs_door){ guest, host, volume };
}

static void launch_doors(struct launch *l) {
	const char *list = bfs_env_get(l->stack.envp, "BINARYFS_VOLUMES");
	if (list != NULL) {
		for (const char *guest, *host; (guest = launch_item(l, &list, &host)) != NULL;) {
			if (host == NULL) bfs_die(125, "bad-volume", "a volume is not GUEST=HOST", guest, "write BINARYFS_VOLUMES=/data=/srv/data");
			launch_add_door(l, guest, host, true);
		}
	}
	list = bfs_env_get(l->stack.envp, "BINARYFS_HOST_PATHS");
	if (list != NULL)
		for (const char *item; (item = launch_item(l, &list, NULL)) != NULL;) launch_add_door(l, item, item, false);
}

/* Bytes with an optional K, M, G or T. */
static uint64_t launch_size(const char *text) {
	uint64_t v;
	const char *end;
	if (!bfs_text_u64(text, &v, &end)) bfs_die(125, "bad-size", "BINARYFS_OVERLAY_SIZE is no number of bytes", text, "write for example 1G");
	unsigned shift = 0;
	switch (*end) {
	case 'k':
	case 'K':
		shift = 10;
		end++;
		break;
	case 'm':
	case 'M':
		shift = 20;
		end++;
		break;
	case 'g':
	case 'G':
		shift = 30;
		end++;
		break;
	case 't':
	case 'T':
		shift = 40;
		end++;
		break;
	default: break;
	}
	if (shift != 0 && *end == 'i') end++;
	if (*end == 'B') end++;
	if (*end != 0 || v == 0 || v > (~0ull >> shift) >> 1)
		bfs_die(125, "bad-size", "BINARYFS_OVERLAY_SIZE is no number of bytes", text, "write for example 1G");
	return v << shift;
}

static void launch_options(struct launch *l) {
	char **env = l->stack.envp;
	bfs_log_setup(bfs_env_get(env, "BINARYFS_LOG"));
	const char *value = bfs_env_get(env, "BINARYFS_OVERLAY_SIZE");
	if (value != NULL && value[0] != 0) l->config.overlay_limit = launch_size(value);
	value = bfs_env_get(env, "BINARYFS_HERMETIC");
	l->config.hermetic = value != NULL && value[0] != 0 && !bfs_str_eq(value, "0");
	l->config.misses_path = bfs_env_get(env, "BINARYFS_MISSES");
	l->config.host_log_path = bfs_env_get(env, "BINARYFS_HOST_LOG");
	value = bfs_env_get(env, "BINARYFS_EXPORT_OVERLAY");
	l->export_path = value != NULL && value[0] != 0 ? value : NULL;
	long n = bfs_raw2(__NR_getcwd, l->cwd, sizeof l->cwd);
	l->config.cwd = n > 0 && l->cwd[0] == '/' ? l->cwd : "/";
}

void bfs_launch_environment(struct launch *l) {
	launch_options(l);
	launch_libraries(l);
	launch_doors(l);
}
