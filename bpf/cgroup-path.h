/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reads the names of a cgroup from its leaf to the root into a cgroup record. */
#pragma once

#include "read.h"
#include "records.h"

#define CGROUP_DEPTH 32
#define CGROUP_NAME_BYTES 256 /* NAME_MAX and its NUL */
#define CGROUP_PATH_BYTES 4096

/* A cgroup record with room for a path, and for one name more: the check comes after the copy. */
struct cgroup_path_record {
	struct cgroup_record record;
	char data[CGROUP_PATH_BYTES + CGROUP_NAME_BYTES];
};

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	if (bpf_core_field_exists(node->__parent))
		return PROBE(node, __parent);
	return PROBE((struct kernfs_node___old *)node, parent);
}

/* Fills everything but the flags. Returns the size of the record, a multiple of 8. */
static __always_inline __u32 finish_cgroup(struct cgroup_record *record, __u64 id, __u32 hierarchy_id,
					   __u32 path_bytes)
{
	record->header.kind = RECORD_CGROUP;
	record->header.ktime_ns = bpf_ktime_get_boot_ns();
	record->header.size = (sizeof(*record) + path_bytes + 7) & ~7U;
	record->cgroup_id = id;
	record->hierarchy_id = hierarchy_id;
	record->path_bytes = path_bytes;
	record->reserved = 0;
	return record->header.size;
}

/* `data` has `room` bytes and CGROUP_NAME_BYTES more. Returns the bytes used; sets the flag when that was not enough, or the
 * cgroup is too deep. */
static __always_inline __u32 fill_path(struct cgroup_record *record, char *data, __u32 room, struct kernfs_node *node)
{
	__u32 used = 0;

	record->flags = CGROUP_PATH_TRUNCATED;
	for (int depth = 0; depth < CGROUP_DEPTH; depth++) {
		struct kernfs_node *parent = parent_of(node);
		long length;

		if (!parent) {
			/* The root has no name. */
			record->flags = 0;
			break;
		}
		if (used > room - 1)
			break;
		length = bpf_probe_read_kernel_str(data + used, CGROUP_NAME_BYTES, PROBE(node, name));
		if (length <= 0)
			break;
		used += length & (2 * CGROUP_NAME_BYTES - 1);
		node = parent;
	}
	return used > room + CGROUP_NAME_BYTES ? room + CGROUP_NAME_BYTES : used;
}

/* Where names cannot be read: the id of the parent in place of the path. The root is its own parent. */
static __always_inline __u32 fill_parent(struct cgroup_record *record, __u64 *parent_id, struct kernfs_node *node)
{
	struct kernfs_node___old *old = (void *)node;
	struct kernfs_node *parent;

	if (bpf_core_field_exists(node->__parent))
		parent = READ(node, __parent);
	else
		parent = (void *)READ(old, parent);
	record->flags = CGROUP_UNNAMED;
	*parent_id = parent ? READ(parent, id) : READ(node, id);
	return sizeof(*parent_id);
}
