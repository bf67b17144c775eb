/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* READ(p, a, b.c): follow pointers from p. With BTF-typed arguments (tp_btf, iterators) these are plain loads,
 * which the kernel makes safe; with raw_tp arguments each step is a bpf_probe_read_kernel. */
#pragma once

#ifdef COGNITOD_RAW_TP
#define READ(p, ...) BPF_CORE_READ(p, ##__VA_ARGS__)
#else
#define READ(p, ...) (___arrow(p, ##__VA_ARGS__))
#endif

/* A read through a pointer that the verifier knows only as a number. */
#define PROBE(p, ...) BPF_CORE_READ(p, ##__VA_ARGS__)
