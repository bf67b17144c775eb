/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* READ(p, a, b.c): follow pointers from p. With BTF-typed arguments (tp_btf, iterators) these are plain loads,
 * which the kernel makes safe; with raw_tp arguments each step is a bpf_probe_read_kernel. */
#pragma once

#ifdef COGNITOD_RAW_TP
#define READ(p, ...) BPF_CORE_READ(p, ##__VA_ARGS__)
#else
#define READ(p, ...) (___arrow(p, ##__VA_ARGS__))
#endif

/* A read through a pointer that the verifier knows only as a number. Only where may_read_kernel. */
#define PROBE(p, ...) BPF_CORE_READ(p, ##__VA_ARGS__)

/* Cleared by the loader where the kernel is locked down to confidentiality, which forbids the bpf_probe_read_kernel
 * helpers: what they alone can read is then left out. Plain loads still work, reads of user memory too. */
const volatile _Bool may_read_kernel = 1;
