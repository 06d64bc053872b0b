/* The guest side of the lab: one static program, the first process of the machine. */
#ifndef LAB_GUEST_H
#define LAB_GUEST_H

#include <stddef.h>
#include <stdint.h>

/* A range of kernel memory. */
struct range {
	uint64_t address;
	uint64_t size;
};

/* A growing buffer. */
struct buffer {
	char *bytes;
	size_t size;
	size_t capacity;
};

/* Prints to the console and to the log that becomes part of the capture. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern struct buffer guest_log;

void append(struct buffer *buffer, const void *bytes, size_t size);
/* A whole file, 0 at its end; -1 if it cannot be read. Files of procfs have no size of their own. */
int read_file(const char *path, struct buffer *buffer);

/* archive.c: a tar archive (ustar), written from the start of a disk. */
int archive_open(const char *disk);
void archive_start(const char *name, uint64_t size);
void archive_bytes(const void *bytes, size_t size);
void archive_end(void);
void archive_buffer(const char *name, const struct buffer *buffer);
int archive_close(void);

/* kcore.c: an ELF core of chosen ranges of /proc/kcore. */
int archive_kcore(const char *name, struct range *wanted, size_t count);

#endif
