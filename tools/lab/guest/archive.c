/* A tar archive of the ustar format (POSIX.1-1988), written straight to a disk: the host unpacks it with tar(1). */
#include "guest.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 512, PENDING = 1 << 20 };

static int disk = -1;
static int failed;
static char pending[PENDING];
static size_t pending_size;
static uint64_t member_size;

static void flush(void)
{
	for (size_t done = 0; done < pending_size && !failed;) {
		ssize_t count = write(disk, pending + done, pending_size - done);

		if (count <= 0)
			failed = 1;
		else
			done += count;
	}
	pending_size = 0;
}

static void put(const void *bytes, size_t size)
{
	const char *from = bytes;

	while (size > 0) {
		size_t part = PENDING - pending_size < size ? PENDING - pending_size : size;

		memcpy(pending + pending_size, from, part);
		pending_size += part;
		from += part;
		size -= part;
		if (pending_size == PENDING)
			flush();
	}
}

int archive_open(const char *path)
{
	disk = open(path, O_WRONLY);
	return disk < 0 ? -1 : 0;
}

void archive_start(const char *name, uint64_t size)
{
	char header[BLOCK] = { 0 };
	const char *last = name;
	unsigned sum = 0;

	/* A name of more than 100 bytes is split at a slash: prefix and name. */
	while (strlen(last) > 100)
		last = strchr(last + 1, '/') + 1;
	if (last != name)
		memcpy(header + 345, name, last - name - 1);
	memcpy(header, last, strlen(last));
	memcpy(header + 100, "0000644", 7);
	memcpy(header + 108, "0000000", 7);
	memcpy(header + 116, "0000000", 7);
	snprintf(header + 124, 12, "%011llo", (unsigned long long)size);
	memcpy(header + 136, "00000000000", 11);
	memset(header + 148, ' ', 8);
	header[156] = '0';
	memcpy(header + 257, "ustar\0" "00", 8);
	for (int i = 0; i < BLOCK; i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	put(header, BLOCK);
	member_size = size;
}

void archive_bytes(const void *bytes, size_t size)
{
	put(bytes, size);
}

void archive_end(void)
{
	static const char zeros[BLOCK];

	put(zeros, (BLOCK - member_size % BLOCK) % BLOCK);
}

void archive_buffer(const char *name, const struct buffer *buffer)
{
	archive_start(name, buffer->size);
	archive_bytes(buffer->bytes, buffer->size);
	archive_end();
}

int archive_close(void)
{
	static const char zeros[2 * BLOCK];

	put(zeros, sizeof(zeros));
	flush();
	if (fsync(disk) != 0 || close(disk) != 0)
		failed = 1;
	return failed ? -1 : 0;
}
