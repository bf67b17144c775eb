/* Ends at once with the exit status given as first argument. Without a C library, so that an exec of it costs as
 * little as an exec can: the start-up of a static glibc alone takes longer than everything else. */
static int parse(const char *text)
{
	int value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (*text++ - '0');
	return value;
}

__attribute__((used)) void begin(long *stack)
{
	int status = stack[0] > 1 ? parse((const char *)stack[2]) : 0;
#if defined(__x86_64__)
	__asm__ volatile("syscall" : : "a"(60), "D"(status) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long number __asm__("x8") = 93;
	register long argument __asm__("x0") = status;
	__asm__ volatile("svc 0" : : "r"(number), "r"(argument) : "memory");
#endif
	__builtin_unreachable();
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\n bl begin\n");
#endif
