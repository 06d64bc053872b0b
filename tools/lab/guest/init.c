/*
 * The first process of a lab machine: loads the modules of /modules/order in this order, then writes what the kernel
 * shows of itself in procfs and sysfs, and the memory of the modules, as a tar archive to the first disk.
 */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	MOST_AREAS = 65536,
	MOST_SECTIONS = 65536,
	/* Larger than any kernel image. */
	IMAGE = 96 << 20,
	/* The smallest page of all architectures. */
	PAGE = 4096,
};

static const char disk[] = "/dev/vda";

struct buffer guest_log;

void append(struct buffer *buffer, const void *bytes, size_t size)
{
	if (buffer->size + size + 1 > buffer->capacity) {
		buffer->capacity = 2 * (buffer->size + size + 1);
		buffer->bytes = realloc(buffer->bytes, buffer->capacity);
		if (!buffer->bytes)
			abort();
	}
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
	buffer->bytes[buffer->size] = 0;
}

int read_file(const char *path, struct buffer *buffer)
{
	static char bytes[1 << 16];
	int file = open(path, O_RDONLY);
	ssize_t count;

	buffer->size = 0;
	append(buffer, "", 0);
	if (file < 0)
		return -1;
	while ((count = read(file, bytes, sizeof(bytes))) > 0)
		append(buffer, bytes, count);
	close(file);
	return count < 0 ? -1 : 0;
}

void say(const char *format, ...)
{
	char line[512];
	va_list values;

	va_start(values, format);
	vsnprintf(line, sizeof(line), format, values);
	va_end(values);
	fputs(line, stdout);
	fflush(stdout);
	append(&guest_log, line, strlen(line));
}

static void write_file(const char *path, const char *text)
{
	int file = open(path, O_WRONLY);

	if (file < 0 || write(file, text, strlen(text)) < 0)
		say("%s: %s\n", path, strerror(errno));
	close(file);
}

/* A line of the list: the name of a file in /modules, and behind a space its parameters. */
static void load_module(char *line)
{
	char path[256];
	char *parameters = strchr(line, ' ');
	int file;

	if (parameters)
		*parameters++ = 0;
	snprintf(path, sizeof(path), "/modules/%s", line);
	file = open(path, O_RDONLY);
	if (file < 0 || syscall(SYS_finit_module, file, parameters ? parameters : "", 0) != 0)
		say("load %s: %s\n", line, strerror(errno));
	else
		say("load %s: ok\n", line);
	close(file);
}

static void load_modules(void)
{
	struct buffer list = { 0 };

	if (read_file("/modules/order", &list) != 0) {
		say("/modules/order: %s\n", strerror(errno));
		return;
	}
	for (char *line = strtok(list.bytes, "\n"); line; line = strtok(NULL, "\n"))
		load_module(line);
	free(list.bytes);
}

/* Each line of /modules/trace is written to a file of tracefs: its name, and behind a `=` what is written. */
static void start_tracing(void)
{
	struct buffer list = { 0 };

	if (read_file("/modules/trace", &list) != 0)
		return;
	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) != 0)
		say("tracefs: %s\n", strerror(errno));
	for (char *line = strtok(list.bytes, "\n"); line; line = strtok(NULL, "\n")) {
		char path[256];
		char *value = strchr(line, '=');

		if (!value)
			continue;
		*value++ = 0;
		snprintf(path, sizeof(path), "/sys/kernel/tracing/%s", line);
		write_file(path, value);
	}
	free(list.bytes);
}

static void archive_file(const char *path)
{
	static struct buffer buffer;

	if (read_file(path, &buffer) == 0)
		archive_buffer(path + 1, &buffer);
}

/* The files of a folder, not those in folders below it. */
static void archive_folder(const char *folder)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		char path[512];
		struct stat status;

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
			archive_file(path);
	}
	if (entries)
		closedir(entries);
}

static uint64_t sections[MOST_SECTIONS];
static size_t section_count;

/* Archives the section addresses of a module and keeps them, to tell which areas hold modules. */
static void archive_sections(const char *module)
{
	struct buffer text = { 0 };
	char folder[256];
	struct dirent *entry;
	DIR *entries;

	snprintf(folder, sizeof(folder), "/sys/module/%s/sections", module);
	archive_folder(folder);
	entries = opendir(folder);
	while (entries && (entry = readdir(entries))) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' && (!entry->d_name[1] || !strcmp(entry->d_name, "..")))
			continue;
		if (read_file(path, &text) == 0 && section_count < MOST_SECTIONS)
			sections[section_count++] = strtoull(text.bytes, NULL, 16);
	}
	if (entries)
		closedir(entries);
	free(text.bytes);
}

static void archive_modules(void)
{
	struct buffer list = { 0 };

	archive_file("/proc/modules");
	if (read_file("/proc/modules", &list) != 0)
		return;
	for (char *line = strtok(list.bytes, "\n"); line; line = strtok(NULL, "\n")) {
		*strchrnul(line, ' ') = 0;
		archive_sections(line);
	}
	free(list.bytes);
}

static int holds_section(uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < section_count; i++)
		if (sections[i] >= start && sections[i] < end)
			return 1;
	return 0;
}

/*
 * The vmalloc areas with sections of modules, of which several may share one, and those that module_finalize() made:
 * the ftrace trampolines of s390x.
 */
static size_t module_areas(struct range *areas, size_t most)
{
	struct buffer list = { 0 };
	size_t count = 0;

	if (read_file("/proc/vmallocinfo", &list) != 0)
		return 0;
	for (char *line = strtok(list.bytes, "\n"); line && count < most; line = strtok(NULL, "\n")) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx", &start, &end) != 2)
			continue;
		if (strstr(line, " module_finalize+") || holds_section(start, end))
			areas[count++] = (struct range){ start, end - start };
	}
	free(list.bytes);
	return count;
}

/* The kernel image: its table of exports is in it, and not every kernel lists the symbols of its data. */
static struct range kernel_image(void)
{
	struct buffer list = { 0 };
	struct range image = { 0, 0 };
	unsigned long long end = 0;

	if (read_file("/proc/kallsyms", &list) != 0)
		return image;
	archive_buffer("proc/kallsyms", &list);
	for (char *line = strtok(list.bytes, "\n"); line; line = strtok(NULL, "\n")) {
		/* 16 digits, a letter, the name; the names of a module's symbols are followed by its own. */
		const char *name = strlen(line) > 19 ? line + 19 : "";

		if (!strcmp(name, "_stext"))
			image.address = strtoull(line, NULL, 16);
		if (!strcmp(name, "_end"))
			end = strtoull(line, NULL, 16);
	}
	image.size = end > image.address && end - image.address < IMAGE ? end - image.address : IMAGE;
	free(list.bytes);
	return image;
}

/* Trampolines of ftrace and BPF: kallsyms names code that the kernel generated like symbols of a module. */
static size_t generated_code(struct range *areas, size_t most)
{
	struct buffer list = { 0 };
	size_t count = 0;

	if (read_file("/proc/kallsyms", &list) != 0)
		return 0;
	for (char *line = strtok(list.bytes, "\n"); line && count < most; line = strtok(NULL, "\n"))
		if (strstr(line, "\t[__builtin__ftrace]") || strstr(line, "\t[bpf]"))
			areas[count++] = (struct range){ strtoull(line, NULL, 16) & ~(PAGE - 1ull), PAGE };
	free(list.bytes);
	return count;
}

static void archive_memory(void)
{
	static struct range wanted[MOST_AREAS];
	size_t count = module_areas(wanted, MOST_AREAS / 2);
	struct range image = kernel_image();

	count += generated_code(wanted + count, MOST_AREAS - count - 1);
	say("%zu sections in %zu areas\n", section_count, count);
	if (image.address != 0)
		wanted[count++] = image;
	if (archive_kcore("proc/kcore", wanted, count) != 0)
		say("/proc/kcore: %s\n", strerror(errno));
}

static void archive_messages(void)
{
	static char messages[1 << 20];
	int size = klogctl(3, messages, sizeof(messages));
	struct buffer text = { 0 };

	append(&text, messages, size > 0 ? size : 0);
	archive_buffer("dmesg", &text);
	free(text.bytes);
}

static void archive_machine(void)
{
	static const char *const files[] = {
		"/proc/version", "/proc/cmdline", "/proc/cpuinfo", "/proc/iomem", "/proc/vmallocinfo",
		"/proc/self/auxv",
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		archive_file(files[i]);
	archive_folder("/sys/devices/system/cpu/vulnerabilities");
}

int main(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	/* 0 hides the addresses in /proc/vmallocinfo behind a hash. */
	write_file("/proc/sys/kernel/kptr_restrict", "1");

	load_modules();
	start_tracing();
	sleep(1);
	if (archive_open(disk) != 0) {
		say("%s: %s\n", disk, strerror(errno));
	} else {
		archive_machine();
		archive_modules();
		archive_memory();
		archive_messages();
		archive_buffer("init.log", &guest_log);
		printf("capture: %s\n", archive_close() == 0 ? "complete" : "failed");
	}
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}
