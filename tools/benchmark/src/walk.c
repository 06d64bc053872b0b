/*
 * The yardstick of the benchmark: maps each file whose name it reads from standard input, visits every section header
 * and every entry of every SHT_RELA section, and prints what it counted. ELF64 of either byte order.
 */
#define _GNU_SOURCE
#include <byteswap.h>
#include <elf.h>
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* include/uapi/linux/elf.h; not in libc's elf.h. */
#define SHF_RELA_LIVEPATCH 0x00100000
/* More than any 64-bit architecture's table of relocation types; a higher number ends the program. */
#define TYPES 4096

struct image {
	const char *name;
	const unsigned char *bytes;
	size_t size;
	bool swap;
};

static uint64_t files, sections, section_bytes, entries, counted, checksum;
static uint64_t types[TYPES];

static void fail(const char *name, const char *message)
{
	fprintf(stderr, "walk: %s: %s\n", name, message);
	exit(2);
}

static uint16_t half(const struct image *image, uint16_t value)
{
	return image->swap ? bswap_16(value) : value;
}

static uint32_t word(const struct image *image, uint32_t value)
{
	return image->swap ? bswap_32(value) : value;
}

static uint64_t xword(const struct image *image, uint64_t value)
{
	return image->swap ? bswap_64(value) : value;
}

/* Copies are what keeps unaligned tables defined; the compiler turns them into plain loads. */
static Elf64_Shdr header(const struct image *image, uint64_t table, uint64_t index)
{
	Elf64_Shdr raw;

	memcpy(&raw, image->bytes + table + index * sizeof(raw), sizeof(raw));
	raw.sh_name = word(image, raw.sh_name);
	raw.sh_type = word(image, raw.sh_type);
	raw.sh_flags = xword(image, raw.sh_flags);
	raw.sh_addr = xword(image, raw.sh_addr);
	raw.sh_offset = xword(image, raw.sh_offset);
	raw.sh_size = xword(image, raw.sh_size);
	raw.sh_link = word(image, raw.sh_link);
	raw.sh_info = word(image, raw.sh_info);
	raw.sh_addralign = xword(image, raw.sh_addralign);
	raw.sh_entsize = xword(image, raw.sh_entsize);
	return raw;
}

static void walk_relocations(const struct image *image, const Elf64_Shdr *section, bool count)
{
	uint64_t number = section->sh_size / sizeof(Elf64_Rela);
	const unsigned char *place = image->bytes + section->sh_offset;

	entries += number;
	for (uint64_t i = 0; i < number; i++, place += sizeof(Elf64_Rela)) {
		Elf64_Rela entry;
		uint64_t info;

		memcpy(&entry, place, sizeof(entry));
		info = xword(image, entry.r_info);
		checksum += xword(image, entry.r_offset) + xword(image, (uint64_t)entry.r_addend);
		if (ELF64_R_TYPE(info) >= TYPES)
			fail(image->name, "relocation type beyond the table");
		types[ELF64_R_TYPE(info)] += count;
		counted += count;
	}
}

static void walk_sections(const struct image *image, const Elf64_Ehdr *file)
{
	uint64_t table = xword(image, file->e_shoff);
	uint64_t number = half(image, file->e_shnum);

	if (table > image->size || image->size - table < sizeof(Elf64_Shdr))
		fail(image->name, "section headers outside the file");
	if (number == 0)
		number = header(image, table, 0).sh_size;
	if (number > (image->size - table) / sizeof(Elf64_Shdr))
		fail(image->name, "section headers outside the file");
	for (uint64_t i = 1; i < number; i++) {
		Elf64_Shdr section = header(image, table, i);

		sections++;
		section_bytes += section.sh_size;
		if (section.sh_type != SHT_RELA)
			continue;
		if (section.sh_offset > image->size || section.sh_size > image->size - section.sh_offset)
			fail(image->name, "relocations outside the file");
		if (section.sh_info >= number)
			fail(image->name, "relocations of no section");
		walk_relocations(image, &section,
				 (header(image, table, section.sh_info).sh_flags & SHF_ALLOC) ||
				 (section.sh_flags & SHF_RELA_LIVEPATCH));
	}
}

static void walk_file(const char *name)
{
	struct image image = { .name = name };
	Elf64_Ehdr file;
	struct stat status;
	void *mapping;
	int descriptor = open(name, O_RDONLY | O_CLOEXEC);

	if (descriptor < 0 || fstat(descriptor, &status) < 0)
		fail(name, "cannot be opened");
	if (status.st_size < (off_t)sizeof(file))
		fail(name, "too short for an ELF header");
	image.size = (size_t)status.st_size;
	mapping = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, descriptor, 0);
	close(descriptor);
	if (mapping == MAP_FAILED)
		fail(name, "cannot be mapped");
	image.bytes = mapping;
	memcpy(&file, image.bytes, sizeof(file));
	if (memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 || file.e_ident[EI_CLASS] != ELFCLASS64)
		fail(name, "no 64-bit ELF file");
	image.swap = (file.e_ident[EI_DATA] == ELFDATA2MSB) != (BYTE_ORDER == BIG_ENDIAN);
	walk_sections(&image, &file);
	munmap(mapping, image.size);
	files++;
}

int main(void)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length;

	while ((length = getline(&line, &capacity, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		walk_file(line);
	}
	free(line);
	printf("files %" PRIu64 "\nsections %" PRIu64 "\nbytes %" PRIu64 "\n", files, sections, section_bytes);
	printf("entries %" PRIu64 "\ncounted %" PRIu64 "\nchecksum %" PRIu64 "\n", entries, counted, checksum);
	for (int type = 0; type < TYPES; type++)
		if (types[type] != 0)
			printf("type %d %" PRIu64 "\n", type, types[type]);
	return 0;
}
