/* Registers the operations: Node calls this once for each thread that loads the addon. */
#include "addon.h"

static const struct {
	const char *name;
	napi_callback callback;
} operations[] = {
	{ "scanDirectories", bfs_scan_directories },
	{ "statRecord", bfs_stat_record },
	{ "readFiles", bfs_read_files },
	{ "writeBlocks", bfs_write_blocks },
	{ "writeMasked", bfs_write_masked },
	{ "tryLock", bfs_try_lock },
	{ "unlock", bfs_unlock },
	{ "lease", bfs_lease },
	{ "releaseLease", bfs_release_lease },
	{ "exchange", bfs_exchange },
	{ "setMtime", bfs_set_mtime },
	{ "clone", bfs_clone },
	{ "copyRange", bfs_copy_range },
	{ "punchHole", bfs_punch_hole },
	{ "readXattrs", bfs_read_xattrs },
	{ "markBlocks", bfs_mark_blocks },
	{ "placeBytes", bfs_place_bytes },
	{ "clearZeroBlocks", bfs_clear_zero_blocks },
	{ "clearSameBlocks", bfs_clear_same_blocks },
};

__attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1(void);
__attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports);

int32_t node_api_module_get_api_version_v1(void) { return 8; }

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
	for (size_t k = 0; k < sizeof operations / sizeof *operations; k++) {
		napi_value function;
		const char *name = operations[k].name;
		if (napi_create_function(env, name, NAPI_AUTO_LENGTH, operations[k].callback, NULL, &function) != napi_ok) return NULL;
		if (napi_set_named_property(env, exports, name, function) != napi_ok) return NULL;
	}
	return exports;
}
