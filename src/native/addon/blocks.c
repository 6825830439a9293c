/* Fills a batch's buffer and finds out about its blocks. A mask has a bit a block: bit k & 7 of byte k >> 3 for block k; the last block may be shorter. */
#include "addon.h"
#include <string.h>

enum { STRETCH_NUMBERS = 2, PART_NUMBERS = 3 };

static size_t block_count(size_t size) { return (size + BFS_BLOCK - 1) / BFS_BLOCK; }

static size_t block_size(size_t total, size_t block) {
	size_t rest = total - block * BFS_BLOCK;
	return rest < BFS_BLOCK ? rest : BFS_BLOCK;
}

bool bfs_is_zero(const uint8_t *bytes, size_t size) {
	return bytes[0] == 0 && bytes[size - 1] == 0 && bytes[size / 2] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

bool bfs_has_bit(const uint8_t *mask, size_t block) { return (mask[block >> 3] >> (block & 7) & 1) != 0; }

static void set_bit(uint8_t *mask, size_t block) { mask[block >> 3] = (uint8_t)(mask[block >> 3] | 1u << (block & 7)); }

static void clear_bit(uint8_t *mask, size_t block) { mask[block >> 3] = (uint8_t)(mask[block >> 3] & ~(1u << (block & 7))); }

bool bfs_get_mask(napi_env env, napi_value value, size_t bytes, struct bfs_bytes *mask) {
	if (!bfs_get_bytes(env, value, mask)) return false;
	if (mask->size >= (block_count(bytes) + 7) / 8) return true;
	bfs_bad_argument(env, "mask of fewer blocks");
	return false;
}

/* Positions and sizes: every `step` numbers from `numbers` on; false: not whole, or outside of `size` bytes. */
static bool are_inside(const double *numbers, size_t count, size_t step, size_t size) {
	for (size_t k = 0; k < count; k += step)
		if (!bfs_is_size(numbers[k]) || !bfs_is_size(numbers[k + 1]) || numbers[k] + numbers[k + 1] > (double)size) return false;
	return true;
}

static void mark(uint8_t *mask, double position, double size) {
	if (size == 0) return;
	size_t last = (size_t)(position + size - 1) / BFS_BLOCK;
	for (size_t block = (size_t)position / BFS_BLOCK; block <= last; block++) set_bit(mask, block);
}

/* `stretches` has pairs of position and size, `parts` triples of which the first number is of no interest here: its pairs are swapped. */
napi_value bfs_mark_blocks(napi_env env, napi_callback_info info) {
	napi_value arguments[4];
	struct bfs_bytes mask;
	void *stretches_data, *parts_data;
	size_t stretch_numbers, part_numbers;
	uint64_t size;
	if (!bfs_arguments(env, info, 4, arguments) || !bfs_get_size(env, arguments[1], &size) || !bfs_get_mask(env, arguments[0], size, &mask) ||
		!bfs_get_array(env, arguments[2], napi_float64_array, &stretches_data, &stretch_numbers) ||
		!bfs_get_array(env, arguments[3], napi_float64_array, &parts_data, &part_numbers))
		return NULL;
	const double *stretches = stretches_data, *parts = parts_data;
	stretch_numbers -= stretch_numbers % STRETCH_NUMBERS;
	part_numbers -= part_numbers % PART_NUMBERS;
	if (!are_inside(stretches, stretch_numbers, STRETCH_NUMBERS, size)) return bfs_bad_argument(env, "stretch outside of the blocks");
	if (part_numbers > 0 && !are_inside(parts + 1, part_numbers - 1, PART_NUMBERS, size)) return bfs_bad_argument(env, "part outside of the blocks");
	for (size_t k = 0; k < stretch_numbers; k += STRETCH_NUMBERS) mark(mask.data, stretches[k], stretches[k + 1]);
	for (size_t k = 0; k < part_numbers; k += PART_NUMBERS) mark(mask.data, parts[k + 2], parts[k + 1]);
	return bfs_undefined(env);
}

/* Zeros in [from, end), but in no block that the mask leaves out. */
static void fill(uint8_t *out, const uint8_t *mask, size_t from, size_t end) {
	while (from < end) {
		size_t block = from / BFS_BLOCK;
		size_t to = (block + 1) * BFS_BLOCK < end ? (block + 1) * BFS_BLOCK : end;
		if (bfs_has_bit(mask, block)) memset(out + from, 0, to - from);
		from = to;
	}
}

napi_value bfs_place_bytes(napi_env env, napi_callback_info info) {
	napi_value arguments[5];
	struct bfs_bytes out, mask, bytes;
	void *zeros_data, *stretches_data;
	size_t zero_numbers, stretch_numbers;
	if (!bfs_arguments(env, info, 5, arguments) || !bfs_get_bytes(env, arguments[0], &out) || !bfs_get_mask(env, arguments[1], out.size, &mask) ||
		!bfs_get_array(env, arguments[2], napi_float64_array, &zeros_data, &zero_numbers) || !bfs_get_bytes(env, arguments[3], &bytes) ||
		!bfs_get_array(env, arguments[4], napi_float64_array, &stretches_data, &stretch_numbers))
		return NULL;
	const double *zeros = zeros_data, *stretches = stretches_data;
	zero_numbers -= zero_numbers % STRETCH_NUMBERS;
	stretch_numbers -= stretch_numbers % STRETCH_NUMBERS;
	if (!are_inside(zeros, zero_numbers, STRETCH_NUMBERS, out.size) || !are_inside(stretches, stretch_numbers, STRETCH_NUMBERS, out.size))
		return bfs_bad_argument(env, "stretch outside of the output");
	double total = 0;
	for (size_t k = 0; k < stretch_numbers; k += STRETCH_NUMBERS) total += stretches[k + 1];
	if (total > (double)bytes.size) return bfs_bad_argument(env, "fewer bytes than the stretches have");
	for (size_t k = 0; k < zero_numbers; k += STRETCH_NUMBERS) fill(out.data, mask.data, (size_t)zeros[k], (size_t)(zeros[k] + zeros[k + 1]));
	const uint8_t *from = bytes.data;
	for (size_t k = 0; k < stretch_numbers; k += STRETCH_NUMBERS) {
		size_t size = (size_t)stretches[k + 1];
		if (size > 0) memcpy(out.data + (size_t)stretches[k], from, size);
		from += size;
	}
	return bfs_undefined(env);
}

napi_value bfs_clear_zero_blocks(napi_env env, napi_callback_info info) {
	napi_value arguments[2];
	struct bfs_bytes mask, bytes;
	if (!bfs_arguments(env, info, 2, arguments) || !bfs_get_bytes(env, arguments[1], &bytes) || !bfs_get_mask(env, arguments[0], bytes.size, &mask))
		return NULL;
	for (size_t block = 0; block < block_count(bytes.size); block++)
		if (bfs_has_bit(mask.data, block) && bfs_is_zero(bytes.data + block * BFS_BLOCK, block_size(bytes.size, block))) clear_bit(mask.data, block);
	return bfs_undefined(env);
}

napi_value bfs_clear_same_blocks(napi_env env, napi_callback_info info) {
	napi_value arguments[3];
	struct bfs_bytes mask, before, after;
	if (!bfs_arguments(env, info, 3, arguments) || !bfs_get_bytes(env, arguments[1], &before) || !bfs_get_bytes(env, arguments[2], &after) ||
		!bfs_get_mask(env, arguments[0], after.size, &mask))
		return NULL;
	if (before.size != after.size) return bfs_bad_argument(env, "stretches of different sizes");
	for (size_t block = 0; block < block_count(after.size); block++) {
		size_t at = block * BFS_BLOCK;
		if (bfs_has_bit(mask.data, block) && memcmp(before.data + at, after.data + at, block_size(after.size, block)) == 0) clear_bit(mask.data, block);
	}
	return bfs_undefined(env);
}
