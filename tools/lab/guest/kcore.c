/* An ELF core with the wanted ranges of /proc/kcore, so that the host reads it as it would read /proc/kcore itself. */
#include "guest.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, MOST_SEGMENTS = 4096 };

static int by_address(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

/* Ranges in order, overlapping and adjacent ones joined. */
static size_t join(struct range *ranges, size_t count)
{
	size_t joined = 0;

	qsort(ranges, count, sizeof(*ranges), by_address);
	for (size_t i = 0; i < count; i++) {
		struct range *last = joined > 0 ? &ranges[joined - 1] : NULL;

		if (last && ranges[i].address <= last->address + last->size) {
			uint64_t end = ranges[i].address + ranges[i].size;

			if (end > last->address + last->size)
				last->size = end - last->address;
		} else {
			ranges[joined++] = ranges[i];
		}
	}
	return joined;
}

/* The parts of a range that segments of kcore hold, as segments whose offset is that in kcore. */
static size_t cut(const struct range *range, const Elf64_Phdr *segments, size_t count, Elf64_Phdr *parts, size_t most)
{
	size_t found = 0;

	for (size_t i = 0; i < count && found < most; i++) {
		uint64_t start = segments[i].p_vaddr, last = start + segments[i].p_memsz - 1;
		uint64_t from = range->address, to = from + range->size - 1;

		if (segments[i].p_type != PT_LOAD || segments[i].p_memsz == 0 || from > last || to < start)
			continue;
		if (from < start)
			from = start;
		if (to > last)
			to = last;
		parts[found] = segments[i];
		parts[found].p_vaddr = from;
		parts[found].p_offset = segments[i].p_offset + (from - start);
		parts[found].p_paddr = segments[i].p_paddr == (uint64_t)-1 ? (uint64_t)-1 : segments[i].p_paddr + (from - start);
		parts[found].p_filesz = parts[found].p_memsz = to - from + 1;
		found++;
	}
	return found;
}

static void copy(int kcore, const Elf64_Phdr *part)
{
	static char bytes[CHUNK];
	uint64_t unreadable = 0;

	for (uint64_t done = 0; done < part->p_filesz;) {
		uint64_t left = part->p_filesz - done;
		size_t size = left < CHUNK ? left : CHUNK;
		ssize_t count = pread(kcore, bytes, size, part->p_offset + done);

		if (count <= 0) {
			/* Page by page behind a page that cannot be read. */
			size = size < 4096 ? size : 4096 - (part->p_vaddr + done) % 4096;
			count = pread(kcore, bytes, size, part->p_offset + done);
		}
		if (count <= 0) {
			memset(bytes, 0, size);
			count = size;
			unreadable += size;
		}
		archive_bytes(bytes, count);
		done += count;
	}
	if (unreadable > 0)
		say("kcore: %llu bytes behind %#llx cannot be read\n", (unsigned long long)unreadable,
		    (unsigned long long)part->p_vaddr);
}

int archive_kcore(const char *name, struct range *wanted, size_t count)
{
	int kcore = open("/proc/kcore", O_RDONLY);
	Elf64_Ehdr header;
	Elf64_Phdr *segments, *parts = calloc(MOST_SEGMENTS, sizeof(*parts)), *written;
	size_t found = 0;
	uint64_t size;

	if (kcore < 0 || !parts || pread(kcore, &header, sizeof(header), 0) != sizeof(header))
		return -1;
	segments = calloc(header.e_phnum, sizeof(*segments));
	size = header.e_phnum * sizeof(*segments);
	if (!segments || pread(kcore, segments, size, header.e_phoff) != (ssize_t)size)
		return -1;

	count = join(wanted, count);
	for (size_t i = 0; i < count; i++)
		found += cut(&wanted[i], segments, header.e_phnum, parts + found, MOST_SEGMENTS - found);

	size = sizeof(header) + found * sizeof(*parts);
	written = malloc(found * sizeof(*parts));
	for (size_t i = 0; i < found; i++) {
		written[i] = parts[i];
		written[i].p_offset = size;
		size += parts[i].p_filesz;
	}
	header.e_phoff = sizeof(header);
	header.e_phnum = found;
	header.e_shoff = header.e_shnum = header.e_shstrndx = 0;

	archive_start(name, size);
	archive_bytes(&header, sizeof(header));
	archive_bytes(written, found * sizeof(*written));
	for (size_t i = 0; i < found; i++)
		copy(kcore, &parts[i]);
	archive_end();
	close(kcore);
	say("kcore: %zu ranges, %llu bytes\n", found, (unsigned long long)size);
	return 0;
}
