/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The ring that every record goes through. */
#pragma once

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} ring SEC(".maps");
